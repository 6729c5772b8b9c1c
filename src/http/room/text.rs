//! The dashboard's own words, as a closed list in English and Swedish. What is said about failures, tasks and states stands in
//! `model/message`, so that every door says the same. Not here: the pages.

use crate::model::person::Language;

/// Defines the texts: the name, English, Swedish.
macro_rules! texts {
    ($($name:ident $english:literal $swedish:literal)*) => {
        /// A text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Text {
            $($name,)*
        }

        impl Text {
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The text in a language.
            pub(super) fn of(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$name, Language::English) => $english,
                        (Self::$name, Language::Swedish) => $swedish,
                    )*
                }
            }
        }
    };
}

texts! {
    // The frame.
    SkipToContent "Skip to the content" "Hoppa till innehållet"
    Pages "Pages" "Sidor"
    Language "Language" "Språk"
    SignIn "Sign in" "Logga in"
    SignOut "Sign out" "Logga ut"
    SignInLead "Sign in with an API token: the one that `carepass token new` has shown you. It is not kept by the browser." "Logga in med en API-token: den som `carepass token new` har visat. Webbläsaren sparar den inte."
    Token "Token" "Token"
    TokenUnknown "Nobody was signed in: the token is unknown, or the link was used before. Check that you have all of it, or make a new one with `carepass token new`." "Ingen loggades in: token är okänd, eller så har länken redan använts. Kontrollera att du har hela, eller gör en ny med `carepass token new`."
    BackToMatrix "To the matrix" "Till matrisen"
    NeedsRole "It needs the role" "Det kräver rollen"
    Updated "Updated just now." "Uppdaterad nyss."
    Changed "Something has changed. The page waits until you have finished writing." "Något har ändrats. Sidan väntar tills du har skrivit klart."
    Ended "Your session has ended. Sign in again to go on." "Din session är slut. Logga in igen för att fortsätta."
    Away "carepass does not answer. What you see is as old as the last update; it is asked again by itself." "carepass svarar inte. Det du ser är så gammalt som den senaste uppdateringen; frågan ställs igen av sig själv."
    Copied "Copied." "Kopierat."
    Marked "The text is marked: copy it with the keyboard." "Texten är markerad: kopiera den med tangentbordet."
    Copy "Copy" "Kopiera"
    Parts "Parts of the list" "Delar av listan"
    FirstPart "To the beginning" "Till början"
    NextPart "Next part" "Nästa del"
    AndMore "and more:" "och fler:"
    BrokerAway "Events do not come in, or outcomes do not go out. Work in hand goes on, outcomes are kept, and what HR sends waits in carepass's queue at the broker, if that is there." "Händelser kommer inte in, eller så går utfall inte ut. Pågående arbete fortsätter, utfall sparas, och det HR skickar väntar i carepass kö hos meddelandeförmedlaren, om den finns."
    OtherDoor "An urgent leaver can be sent to POST /v1/events." "En brådskande avgång kan skickas till POST /v1/events."
    OtherDoorShut "An urgent leaver can be sent to POST /v1/events when `intake.http.enabled` is true: set it in the configuration and reload." "En brådskande avgång kan skickas till POST /v1/events när `intake.http.enabled` är true: ställ in det i konfigurationen och läs in den på nytt."
    // What a button did.
    SaidDone "Done. It stands in the ledger with your reason." "Gjort. Det står i liggaren med ditt skäl."
    SaidChecked "carepass looks now. The card closes by itself when it sees that the thing is done." "carepass tittar nu. Kortet stängs av sig självt när det ser att saken är gjord."
    SaidReleased "Released. Their work begins now." "Släppta. Deras arbete börjar nu."
    SaidReplayed "The message was taken up." "Meddelandet har tagits upp."
    // The pages.
    Matrix "Matrix" "Matris"
    MatrixTitle "Who is ready where" "Vem är klar var"
    MatrixLead "Each line is an engineer, each column a domain. Open an engineer to see why, and to act." "Varje rad är en supporttekniker, varje kolumn en domän. Öppna en tekniker för att se varför och för att göra något."
    Tasks "Tasks" "Uppgifter"
    TasksTitle "What only a person can do" "Det som bara en människa kan göra"
    TasksLead "Open access comes first, then whoever starts soonest. Most cards close by themselves when carepass sees that the thing is done." "Öppen åtkomst kommer först, sedan den som börjar snarast. De flesta korten stängs av sig själva när carepass ser att saken är gjord."
    NothingToDo "There is nothing to do. carepass goes on by itself." "Det finns inget att göra. carepass fortsätter av sig självt."
    Grants "Held" "Väntar på släpp"
    GrantsTitle "Engineers who wait to be let in" "Tekniker som väntar på att släppas in"
    GrantsLead "Nothing was done for them yet. Leavers never wait here." "Inget är gjort för dem än. Den som slutar väntar aldrig här."
    NobodyHeld "Nobody is held." "Ingen väntar."
    TasksCut "More waits than is looked at here, so tasks may be missing. They appear when others are done; carepass status names everybody who waits." "Mer väntar än vad som gås igenom här, så uppgifter kan saknas. De visas när annat är klart; carepass status nämner alla som väntar."
    GrantsCut "There are more engineers than were looked at. Who of them waits is not named here, and is let in with all." "Det finns fler tekniker än de som gåtts igenom. Vilka av dem som väntar står inte här, och de släpps in med alla."
    Leavers "Leavers" "Slutar"
    LeaversTitle "Whose access ends" "Vars åtkomst upphör"
    LeaversLead "The clock runs from HR's word until the last domain is seen to be locked out." "Klockan går från HR:s besked tills den sista domänen setts vara stängd."
    MoreLeave "There are more than are shown: those whose access is open come first, then who left last. All are shown by:" "Det finns fler än de som visas: först de vars åtkomst är öppen, sedan de som slutade senast. Alla visas av:"
    NobodyLeaves "Nobody leaves, and nobody has left." "Ingen slutar och ingen har slutat."
    Resellers "Reseller accounts" "Återförsäljarkonton"
    ResellersLead "Each is a Google customer of its own; trouble in one makes only its own domains wait." "Varje konto är en egen Google-kund; krångel i ett får bara dess egna domäner att vänta."
    NoResellers "No reseller account is configured." "Inget återförsäljarkonto är inställt."
    Events "Unusable events" "Oanvändbara händelser"
    EventsTitle "Messages that could not be used" "Meddelanden som inte kunde användas"
    EventsLead "None is lost. Have HR send it again, or mend the cause here and replay it." "Inget är förlorat. Be HR skicka igen, eller åtgärda orsaken här och spela upp det på nytt."
    NoLetters "Every message could be used." "Alla meddelanden kunde användas."
    // The matrix.
    FindEngineer "Open" "Öppna"
    HrKey "HR's key" "HR:s nyckel"
    CountedAt "The numbers are being renewed; they are of" "Siffrorna håller på att förnyas; de är från"
    ListedAt "The numbers and this list are being renewed; they are of" "Siffrorna och listan håller på att förnyas; de är från"
    State "State" "Läge"
    Everybody "Everybody" "Alla"
    NobodyHere "Nobody here. HR has sent nobody yet, or nobody is in this state." "Ingen här. HR har inte skickat någon än, eller så är ingen i det läget."
    NobodyInPart "Nobody in this part of the list. Look in its other parts." "Ingen i den här delen av listan. Titta i de andra delarna."
    Engineer "Engineer" "Tekniker"
    Domains "Domains" "Domäner"
    Domain "Domain" "Domän"
    DomainsBefore "Earlier domains" "Tidigare domäner"
    DomainsAfter "Further domains" "Fler domäner"
    Key "What the signs mean" "Vad tecknen betyder"
    Planned "Planned" "Planerad"
    Provisioning "Under way" "Pågår"
    PartlyReady "Partly ready" "Delvis klar"
    ReadyEverywhere "Ready" "Klar"
    Leaving "Leaving" "På väg ut"
    Removed "Removed" "Borttagen"
    Cancelled "Cancelled" "Avbruten"
    CellReady "ready" "klar"
    CellWorking "in work" "pågår"
    CellTriesAgain "tries again" "försöker igen"
    CellNeedsOperator "needs you" "behöver dig"
    CellNeedsHr "needs HR" "behöver HR"
    CellNeedsEngineer "needs the engineer" "behöver teknikern"
    CellWaitsForGoogle "waits: Google" "väntar: Google"
    CellWaitsForDate "waits: date" "väntar: datum"
    CellWaitsForAccount "waits: account" "väntar: konto"
    CellStillOpen "still open" "ännu öppen"
    CellGone "gone" "borta"
    CellEnded "ended" "avslutad"
    CellNothing "none" "ingen"
    // One engineer.
    InShort "In short" "I korthet"
    Has "Has" "Har"
    Lacks "Lacks" "Saknar"
    Why "Why" "Varför"
    WhoActs "Who acts" "Vem gör något"
    LooksAgain "We look again" "Vi tittar igen"
    NoAccess "No access." "Ingen åtkomst."
    LacksNothing "Nothing." "Inget."
    EndedByOperator "Ended by an operator:" "Avslutat av en operatör:"
    OpenStill "Access is still open in:" "Åtkomsten är ännu öppen i:"
    AllIsDone "Everything is as it should be." "Allt är som det ska."
    NobodyActs "Nobody has to." "Ingen behöver."
    TheLetter "the letter to the engineer" "brevet till teknikern"
    AsAWhole "The engineer as a whole" "Teknikern som helhet"
    NoLetterYet "The letter is written when every domain is ready." "Brevet skrivs när alla domäner är klara."
    NoLetterAtTheEnd "No letter is written to whoever leaves." "Inget brev skrivs till den som slutar."
    HeldSince "Held since" "Väntar sedan"
    FirstPasswords "First passwords" "Första lösenord"
    Opened "opened" "öppnade"
    AccessEnds "Access ends" "Åtkomsten upphör"
    LockedOutAfter "Locked out after" "Stängd efter"
    FirstDay "First day" "Första dag"
    Leaves "Leaves" "Slutar"
    Changes "Changes" "Ändras"
    Reseller "Reseller account" "Återförsäljarkonto"
    InWords "In words" "I ord"
    Evidence "Evidence" "Underlag"
    History "History" "Historik"
    HistoryLead "From the ledger, the newest first, without what merely ran. Entries shown, and read:" "Ur liggaren, det senaste först, utan det som bara pågick. Visade poster, och lästa:"
    HistoryCut "There are older entries, which are not shown here. All are shown by:" "Det finns äldre poster, som inte visas här. Alla visas av:"
    // Orders.
    Reason "Reason (it is kept in the ledger; no names)" "Skäl (sparas i liggaren; inga namn)"
    OnlyLooking "You may look. Orders need a token with the role operator or approver." "Du får titta. Order kräver en token med rollen operator eller approver."
    OnlyApprovers "Letting somebody in needs a token with the role approver." "Att släppa in någon kräver en token med rollen approver."
    Retry "Try again now" "Försök igen nu"
    Skip "Take the step as done" "Ta steget som gjort"
    CancelRow "End it here" "Avsluta här"
    Adopt "Adopt the named account" "Använd det namngivna kontot"
    AdoptAccount "Primary address of the engineer's own account (only to adopt it)" "Primäradress för teknikerns eget konto (bara för att använda det)"
    Approve "Let in" "Släpp in"
    ReleaseAll "Let all of them in" "Släpp in alla"
    OneByOne "Each is decided by itself: open the engineer." "Var och en avgörs för sig: öppna teknikern."
    Reissue "New first passwords" "Nya första lösenord"
    Replay "Take it up again" "Ta upp igen"
    ConfirmDone "It is done" "Det är gjort"
    LookNow "Done: look now" "Gjort: titta nu"
    ClosesItself "carepass sees by itself when it is done; the button makes it look at once." "carepass ser själv när det är gjort; knappen får det att titta genast."
    ClosesByWord "carepass cannot see this: it believes your word, and keeps it with your name." "carepass kan inte se detta: det tror ditt ord och sparar det med ditt namn."
    AddressMap "It is an address map: each new engineer is entered by hand" "Det är en adresskarta: varje ny tekniker förs in för hand"
    // Tasks.
    So "What is so" "Så är det"
    Next "What happens next" "Det här händer nu"
    You "What you can do" "Det här kan du göra"
    ActsNext "Acts next" "Gör något härnäst"
    Since "Since" "Sedan"
    WhoWaits "Who waits" "Vem väntar"
    ConsoleLink "Open Google's page for it" "Öppna Googles sida för det"
    Paste "To write into the configuration:" "Att skriva in i konfigurationen:"
    PasteShort "configuration" "konfiguration"
    // Reseller accounts.
    SetUp "Set-up" "Uppsättning"
    FlightCheck "Flight check" "Kontroll före start"
    Breaker "Breaker" "Brytare"
    BreakerClosed "closed: work goes through" "sluten: arbetet går igenom"
    BreakerOpen "open: its domains wait until the account has been looked at" "öppen: dess domäner väntar tills kontot har kontrollerats"
    LookedAt "Looked at" "Kontrollerat"
    DrivenBy "Driven by" "Drivs av"
    OrgUnit "Organisational unit" "Organisationsenhet"
    NothingKnown "Nothing is known of it yet." "Inget är känt om det än."
    Seats "Seats" "Platser"
    SeatsLeft "left" "kvar"
    SeatsUsed "used" "använda"
    SeatsLow "low" "lågt"
    SeatsLowLong "The seats will not be enough for those who are to come. Ask Google for more, and write the new number into the configuration." "Platserna räcker inte för dem som ska komma. Be Google om fler och skriv in det nya antalet i konfigurationen."
    SeatsSpent "used up, engineers who wait:" "slut, tekniker som väntar:"
    SeatsSpentLong "No seat is left at Google, and engineers wait for one. Their card under Tasks says what to ask Google for." "Ingen plats är kvar hos Google, och tekniker väntar på en. Deras kort under Uppgifter säger vad som ska begäras av Google."
    SeatsConfigured "as configured" "enligt konfigurationen"
    SeatsSuspended "suspended:" "avstängda:"
    SeatsDeleted "kept by deleted accounts" "hålls av raderade konton"
    SeatsStarters "to come within 30 days" "kommer inom 30 dagar"
    SeatsUnknown "unknown: set `seats` in the configuration" "okänt: ange `seats` i konfigurationen"
    SeatsAfter "left when they have come" "kvar när de har kommit"
    NotCounted "Not counted yet." "Inte räknade än."
    Lane "Lane" "Fil"
    LaneLead "How fast Google's APIs may be asked, as this process has found out." "Hur fort Googles API:er får frågas, så som den här processen har lärt sig."
    RateNow "Rate now" "Takt nu"
    RateCeiling "Ceiling" "Tak"
    Throttled "slowed down by Google" "bromsad av Google"
    AtFullRate "full rate" "full takt"
    AsksAgainIn "asks again in" "frågar igen om"
    Drift "What others have changed at Google" "Vad andra har ändrat hos Google"
    DriftUnknown "carepass has not looked yet." "carepass har inte tittat än."
    NoDrift "Nothing was found: all is as carepass left it." "Inget hittades: allt är som carepass lämnade det."
    DriftHigh "more rights than planned" "fler rättigheter än planerat"
    DriftMedium "fewer rights than planned" "färre rättigheter än planerat"
    DriftLow "harmless" "ofarligt"
    DriftRepaired "carepass looks after it by itself" "carepass tar hand om det självt"
    DriftAsked "there is a task for it" "det finns en uppgift för det"
    DriftReported "it is only shown" "det visas bara"
    SinceYesterday "What has changed since yesterday" "Vad som ändrats sedan i går"
    NothingChanged "Nothing." "Inget."
    OlderLeftOut "Only the latest changes are shown; the ledger has them all." "Bara de senaste ändringarna visas; liggaren har alla."
    // Events.
    Event "Event" "Händelse"
    CameBy "Came by" "Kom via"
    Truncated "cut" "avkortat"
    Code "Code" "Kod"
    WhatIsWrong "What is wrong" "Vad som är fel"
    // Leavers.
    Clock "Clock" "Klocka"
    OpenIn "Still open in" "Ännu öppen i"
    LockedOut "locked out" "stängd"
    // The ledger.
    ByOrder "by order" "på order"
    EventApplied "HR's event was taken up" "HR:s händelse togs upp"
    EventRepeated "HR said the same before" "HR har sagt detsamma förut"
    EventStale "HR's event is older than what is in force" "HR:s händelse är äldre än det som gäller"
    WantsAccess "Is to have access" "Ska ha åtkomst"
    WantsNoAccess "Is to have no access" "Ska inte ha åtkomst"
    IsHeld "waits to be let in" "väntar på att släppas in"
    Revision "revision" "revision"
    NameReserved "A username was reserved" "Ett användarnamn reserverades"
    NameReleased "A username was given back" "Ett användarnamn lämnades tillbaka"
    ErasedPerson "The personal data were destroyed" "Personuppgifterna förstördes"
    LetterParked "A message could not be used" "Ett meddelande kunde inte användas"
    LetterReplayed "A kept message was taken up" "Ett sparat meddelande togs upp"
    LetterDropped "A kept message was given up" "Ett sparat meddelande gavs upp"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in both languages, because it is the same word in both.
    const SAME: [Text; 2] = [Text::Token, Text::Revision];

    #[test]
    fn nothing_is_missing_in_either_language() {
        for text in Text::ALL {
            let (english, swedish) = (text.of(Language::English), text.of(Language::Swedish));
            assert!(!english.trim().is_empty() && !swedish.trim().is_empty(), "{text:?}");
            assert_eq!(english == swedish, SAME.contains(text), "{text:?}: {english} / {swedish}");
            let ends = |said: &str| said.ends_with(['.', ':']);
            assert_eq!(ends(english), ends(swedish), "{text:?}: one of them is a sentence");
        }
    }
}
