//! Every failure in Swedish. Not here: the codes (`model/failure`); a code without a sentence does not compile.

use super::super::super::failure::FailureCode;
use super::super::tongue::{Phrase, phrases};

const TRIES: &str = "carepass försöker igen {when} och fortsätter av sig självt när det går.";
const LOOKS_FIRST: &str =
    "carepass kontrollerar först om det blev gjort, {when}, och gör om det bara om det inte blev det.";
const LOOKS: &str = "carepass kontrollerar igen {when} och fortsätter av sig självt när det är klart.";
const LEAVES: &str = "carepass rör inte kontot och kontrollerar igen {when}.";
const STANDS_STILL: &str = "Arbetet i det här återförsäljarkontot står stilla, de andra fortsätter, och carepass kontrollerar igen {when}.";

phrases! {
    BackendError {
        short: "fel hos Google",
        so: "Google svarade med ett eget fel{in}{doing}.",
        next: TRIES,
        you: "Du behöver inte göra något nu; om det varar mer än en timme, titta på Googles statussida ({link}).",
    }
    Timeout {
        short: "Google svarar långsamt",
        so: "Google svarade inte i tid{in}{doing}, så ingen vet ännu om det blev gjort.",
        next: LOOKS_FIRST,
        you: "Du behöver inte göra något nu; om det varar mer än en timme, titta på Googles statussida ({link}).",
    }
    ConnectionLost {
        short: "förbindelsen med Google bröts",
        so: "Förbindelsen med Google bröts{in}{doing}, så ingen vet ännu om det blev gjort.",
        next: LOOKS_FIRST,
        you: "Du behöver inte göra något nu; om det fortsätter, kontrollera att den här datorn når admin.googleapis.com på port 443.",
    }
    WorkerLost {
        short: "carepass avbröts",
        so: "carepass avbröts{in}{doing}, så ingen vet ännu om det blev gjort.",
        next: LOOKS_FIRST,
        you: "Du behöver inte göra något efter en enstaka omstart; om det kommer tillbaka, läs carepass logg från den tiden.",
    }
    RateLimited {
        short: "Google ber oss sakta ner",
        so: "Google ber carepass att sakta ner{in}.",
        next: "carepass har saktat ner, fortsätter {when}, och ingenting går förlorat.",
        you: "Du behöver inte göra något; om det brådskar, pausa andra verktyg som arbetar i {account}, eftersom de delar gränsen.",
    }
    DailyQuotaSpent {
        short: "dagens kvot är slut",
        so: "Den kvot som Google ger per dag är slut{in}.",
        next: "carepass försöker igen {when} och fortsätter när Google börjar en ny dag.",
        you: "Du behöver inte göra något; om det händer ofta, begär högre kvot för Google Cloud-projektet ({link}).",
    }
    AccountSettling {
        short: "det nya kontot syns inte än",
        so: "Det nya kontot{in} syns inte överallt hos Google än.",
        next: LOOKS,
        you: "Du behöver inte göra något; om det varar mer än en timme, leta efter kontot under Katalog > Användare ({link}).",
    }
    OrgUnitSettling {
        short: "den nya organisationsenheten syns inte än",
        so: "Den nya organisationsenheten{in} syns inte överallt hos Google än.",
        next: LOOKS,
        you: "Du behöver inte göra något; om det varar mer än en timme, leta efter enheten i administratörskonsolen ({link}).",
    }
    NotYetConfirmed {
        short: "syns inte i Googles listor än",
        so: "Det som carepass skrev{in} syns inte i Googles egna listor än.",
        next: LOOKS,
        you: "Du behöver inte göra något; enligt Google kan det ta upp till 24 timmar innan en ny roll fungerar.",
    }
    ResellerNotReady {
        short: "det är inte färdigt",
        so: "Förberedelserna i {account} är inte klara.",
        next: "carepass börjar här så snart de är det, och kontrollerar igen {when}.",
        you: "Se bland uppgifterna i API:et (/v1/tasks) vad de väntar på, och gör det först.",
    }
    ResellerRemoved {
        short: "dess återförsäljarkonto är inte längre konfigurerat",
        so: "Åtkomst som skulle upphöra är öppen i {account}, som inte längre finns i konfigurationen.",
        next: "carepass kommer inte in där och stänger inte ute någon; det kontrollerar igen {when} och fortsätter när kontot är konfigurerat igen.",
        you: "Lägg tillbaka återförsäljarkontot i konfigurationen och starta om carepass; eller stäng kontona för hand \
              ({link}), och markera sedan varje steg som är kvar som klart (carepass order skip).",
    }
    CredentialsUnusable {
        short: "inloggningsuppgifterna går inte att använda",
        so: "Inloggningsuppgifterna för {account} går inte att använda.",
        next: STANDS_STILL,
        you: "Kontrollera att nyckelfilen är ett tjänstkontos JSON-nyckel och starta sedan om carepass; utan nyckelfil, se till att \
              datorns eget tjänstkonto får signera för det konfigurerade, enligt uppgiften vid det här meddelandet.",
    }
    CredentialsRefused {
        short: "Google nekar inloggningen",
        so: "Google låter inte carepass logga in i {account}.",
        next: STANDS_STILL,
        you: "Kontrollera att nyckeln inte är borttagen, att administratören i konfigurationen finns och inte är avstängd, \
              och att den här datorns klocka går rätt; Googles svar vid det här meddelandet visar vilket det är.",
    }
    DelegationMissing {
        short: "delegeringen saknar en behörighet",
        so: "Den domänomfattande delegeringen i {account} saknar en behörighet som carepass behöver.",
        next: STANDS_STILL,
        you: "Logga in som avancerad administratör, öppna sidan för domänomfattande delegering (Domain-wide delegation, {link}) \
              och ange det klient-id och den lista med behörigheter som står vid det här meddelandet; där står också vilka som \
              saknas och vilka som fungerar.",
    }
    ClockWrong {
        short: "klockan går fel",
        so: "Google godtar inte det som {account} skriver under, eftersom den här datorns klocka skiljer sig från Googles.",
        next: STANDS_STILL,
        you: "Ställ klockan på den dator som carepass körs på, och låt tidssynkronisering hålla den rätt.",
    }
    ApiDisabled {
        short: "ett API är avstängt",
        so: "Ett API som carepass behöver är avstängt för {account}.",
        next: STANDS_STILL,
        you: "Aktivera API:et i tjänstkontots Google Cloud-projekt ({link}), eller slå på API-åtkomst för domänen om Google säger \
              att domänen inte kan använda API:er.",
    }
    NotAuthorized {
        short: "administratören saknar en rättighet",
        so: "Google sade nej{doing}: administratören för {account} saknar rättigheten.",
        next: STANDS_STILL,
        you: "Se under Konto > Administratörsroller ({link}) till att administratören i konfigurationen är avancerad \
              administratör, och att domänen hör till det här återförsäljarkontot.",
    }
    CustomerMismatch {
        short: "inloggningen leder till en annan kund",
        so: "Inloggningen för {account} leder till en annan Google-kund än den som står i konfigurationen.",
        next: "carepass skriver ingenting där och kontrollerar igen {when}.",
        you: "Jämför customer_id i konfigurationen med kund-id i administratörskonsolen, rätta det som är fel och starta om carepass.",
    }
    DomainNotFound {
        short: "en domän i konfigurationen är inte verifierad",
        so: "En domän i konfigurationen av {account} hör inte till dess verifierade domäner.",
        next: STANDS_STILL,
        you: "Verifiera domänen i administratörskonsolen ({link}), eller rätta listan i konfigurationen och starta om carepass.",
    }
    OrgUnitRefused {
        short: "organisationsenheten godtas inte",
        so: "Google godtar inte organisationsenheten i {account}: den överordnade enheten saknas eller namnet är inte tillåtet.",
        next: STANDS_STILL,
        you: "Skapa den överordnade enheten i administratörskonsolen ({link}), eller ange en annan org_unit i konfigurationen och \
              starta om carepass.",
    }
    OrgUnitGone {
        short: "organisationsenheten är borta",
        so: "Organisationsenheten i {account} fanns förut men är borta.",
        next: "Inget konto skapas där under tiden, inget läggs högst upp i stället, och carepass tittar igen {when}.",
        you: "Skapa en organisationsenhet på den konfigurerade sökvägen igen ({link}), flytta tillbaka teknikernas konton dit och stäng \
              av automatisk licensiering för den.",
    }
    RoleMissing {
        short: "ingen roll passar",
        so: "Ingen roll i {account} passar det som är konfigurerat.",
        next: STANDS_STILL,
        you: "Skapa rollen under Konto > Administratörsroller ({link}) med Återförsäljarverktyg > Kunder > Visa kunder och \
              Återförsäljarverktyg > Kunder > Få åtkomst till kundernas supportärenden, eller ange en annan i \
              konfigurationen och starta om carepass.",
    }
    RoleNotPinned {
        short: "rollens behörigheter är inte angivna",
        so: "Konfigurationen säger inte vilka behörigheter rollen i {account} får ha.",
        next: "Ingen roll ges där innan den gör det, och carepass kontrollerar igen {when}.",
        you: "Jämför förslaget som visas vid det här meddelandet med rollen under Konto > Administratörsroller ({link}), skriv \
              behörigheterna under role i konfigurationen och starta om carepass.",
    }
    RoleAmbiguous {
        short: "flera roller passar",
        so: "Flera roller i {account} passar det som är konfigurerat.",
        next: "carepass väljer inte mellan roller, och kontrollerar igen {when}.",
        you: "Titta på rollerna under Konto > Administratörsroller ({link}), ange den rätta i konfigurationen med \
              kind = \"existing\" och dess behörigheter, och starta om carepass.",
    }
    RoleTooPowerful {
        short: "rollen får göra för mycket",
        so: "Rollen i {account} får göra mer än vad som är godkänt.",
        next: "carepass ger den inte till någon och kontrollerar igen {when}.",
        you: "Ta bort de extra behörigheterna ur rollen under Konto > Administratörsroller ({link}), eller godkänn dem i \
              konfigurationen och starta om carepass.",
    }
    RoleWidened {
        short: "rollen får göra mer än förut",
        so: "Rollen i {account} får göra mer nu än när den ställdes in.",
        next: "carepass ger den inte till någon under tiden och tittar igen {when}.",
        you: "Jämför det som har kommit till, som visas vid det här meddelandet, med rollen under Konto > Administratörsroller ({link}); \
              är det rätt, skriv behörigheterna under role i konfigurationen och starta om carepass.",
    }
    RoleLimitReached {
        short: "ingen plats för fler rolltilldelningar",
        so: "Google tillåter inte fler rolltilldelningar i {account}.",
        next: LOOKS,
        you: "Ta bort tilldelningar som ingen behöver under Konto > Administratörsroller ({link}); Google tillåter 1 000 per \
              organisationsenhet.",
    }
    AutoLicensingUnconfirmed {
        short: "bekräfta att automatisk licensiering är av",
        so: "Det är inte bekräftat att automatisk licensiering är avstängd för organisationsenheten i {account}, eller så slogs den på senare.",
        next: "Inget konto skapas där innan dess, eftersom vart och ett kan få en betald licens, och carepass kontrollerar igen {when}.",
        you: "Stäng som avancerad administratör av automatisk licensiering för organisationsenheten ({link}), säg sedan till med carepass \
              task done, eller skriv auto_licensing_off = { by = \"ditt namn\", on = \"{today}\" } under {account} i konfigurationen \
              och starta om carepass; där uppgiften säger att den slogs på gäller i konfigurationen bara en senare dag.",
    }
    FreeSubscriptionUnconfirmed {
        short: "bekräfta gratisprenumerationen",
        so: "Ingen har bekräftat att {account} har prenumerationen Cloud Identity-gratisversion.",
        next: "Inget konto skapas där innan dess, och carepass kontrollerar igen {when}.",
        you: "Beställ den under Fakturering > Uppgraderingar och tillägg > Kategorier > Cloud Identity > \
              Cloud Identity-gratisversion > Kom igång > Till kassan > Beställ, kontrollera den under Prenumerationer ({link}), \
              säg sedan till med carepass task done, eller skriv free_subscription = { by = \"ditt namn\", on = \"{today}\" } under {account} i konfigurationen och \
              starta om carepass.",
    }
    CaseRouteUnconfirmed {
        short: "bekräfta vägen för ärendeposten",
        so: "Ingen har bekräftat att post till de nya adresserna i {account} styrs till teknikernas huvudadresser.",
        next: "Inget konto skapas där dessförinnan, eftersom post om ärenden skulle studsa, och carepass tittar igen {when}.",
        you: "Gör en regel för varje domän under Gmail > Standardrouting, eller en adressmappning ({link}), säg sedan till med carepass \
              task done, eller skriv case_alert_route = { by = \"ditt namn\", on = \"{today}\" } under {account} i konfigurationen och starta om carepass.",
    }
    TwoStepEnforced {
        short: "nya konton skulle inte kunna logga in",
        so: "I {account} krävs tvåstegsverifiering utan tid för nya användare att registrera sig, så ett nytt konto kan aldrig logga in.",
        next: "Inget konto skapas där under tiden, och carepass tittar igen {when}.",
        you: "Ge nya användare några dagar under Säkerhet > Tvåstegsverifiering > Registreringsperiod för nya användare ({link}); eller, om de kan \
              registrera sig på annat sätt, säg till med carepass task done, eller skriv two_step_policy = { by = \"ditt namn\", \
              on = \"{today}\" } under {account} i konfigurationen och starta om carepass.",
    }
    LatinNameNeeded {
        short: "namnet behövs med latinska bokstäver",
        so: "Inget användarnamn kan bildas av namnet utan att gissa: formen med latinska bokstäver saknas.",
        next: "carepass fortsätter så snart HR skickar den, och kontrollerar igen {when}.",
        you: "Be HR att skicka händelsen med latinGiven och latinFamily och en högre revision.",
    }
    ScopeMismatch {
        short: "omfattningen passar inte domänerna",
        so: "Omfattningen som HR skickade passar inte återförsäljardomänerna{in}.",
        next: "carepass skriver inget mer där, fortsätter så snart HR skickar en omfattning som passar, och kontrollerar igen {when}.",
        you: "Fråga HR vilka domäner som avses, att skickas med en högre revision, eller avsluta raden med carepass order cancel.",
    }
    UsernamesSpent {
        short: "alla användarnamn är upptagna",
        so: "Alla användarnamn som carepass får bilda av namnet är upptagna{in}.",
        next: "carepass fortsätter så snart HR skickar ett annat, och kontrollerar igen {when}.",
        you: "Be HR att skicka händelsen med preferredUsername och en högre revision.",
    }
    AddressTaken {
        short: "adressen är upptagen",
        so: "Supportteknikerns adress{in} tillhör någon eller något annat.",
        next: "carepass rör ingenting som det inte har skapat, och kontrollerar igen {when}.",
        you: "Se under Katalog > Användare ({link}) och bland grupperna vem som har den; frigör adressen, eller ge \
              åtkomsten för hand och avsluta med carepass order cancel.",
    }
    UnmanagedAccount {
        short: "ett privat Google-konto har adressen",
        so: "Ett privat Google-konto som ingen hanterar har supportteknikerns adress{in}.",
        next: "carepass tar inte över det, och kontrollerar igen {when}.",
        you: "Be ägaren att godkänna en överföring eller byta adress, så som Google beskriver ({link}).",
    }
    HomeAccountMissing {
        short: "teknikerns eget konto är inte utpekat",
        so: "Tekniker har ett eget konto{in}, och ingen har sagt vilket som är den här teknikerns.",
        next: "carepass tar aldrig ett konto efter namnet och tittar igen {when}.",
        you: "Leta upp kontot under Katalog > Användare ({link}) och använd carepass order adopt med dess adress, eller skriv den under \
              home_accounts i konfigurationen och starta om carepass.",
    }
    RestoreRefused {
        short: "det borttagna kontot kan inte återställas",
        so: "Teknikerns konto{in} togs bort för en kort tid sedan, och Google återställer det inte.",
        next: "carepass skapar inget andra konto och tittar igen {when}.",
        you: "Läs Googles svar vid det här meddelandet och återställ kontot som avancerad administratör ({link}).",
    }
    SeatsSpent {
        short: "platserna är slut",
        so: "Platserna för Cloud Identity är slut i {account}.",
        next: "Nya konton väntar där, de andra återförsäljarkontona fortsätter, och carepass kontrollerar igen {when}.",
        you: "Logga in som avancerad administratör och begär fler av Google med licensformuläret för Cloud Identity, som den här \
              sidan länkar till ({link}).",
    }
    LicensesSpent {
        short: "gratislicenserna är slut",
        so: "De fria Cloud Identity-licenserna är slut i {account}.",
        next: "Nya konton väntar där på sin, de andra återförsäljarkontona fortsätter, och carepass kontrollerar igen {when}.",
        you: "Se antalet under Prenumerationer ({link}), och begär fler av Google med licensformuläret för Cloud Identity som \
              avancerad administratör.",
    }
    LicenseConflict {
        short: "en annan licens är i vägen",
        so: "Kontot{in} har en annan licens för samma produkt, så gratislicensen kan inte tilldelas.",
        next: "Det får ingen roll dessförinnan, och carepass tittar igen {when}.",
        you: "Ta bort den andra licensen från kontot under Katalog > Användare ({link}).",
    }
    PaidLicenseFound {
        short: "kontot har en betald licens",
        so: "Kontot{in} har en betald licens bredvid den fria.",
        next: "Det får ingen roll innan den betalda licensen är borta, och carepass kontrollerar igen {when}.",
        you: "Kontrollera att automatisk licensiering är avstängd, och ta sedan bort den betalda licensen från kontot under \
              Katalog > Användare ({link}).",
    }
    AutoLicensingOn {
        short: "automatisk licensiering är på",
        so: "Automatisk licensiering är på i {account}, fast någon har bekräftat att den är av.",
        next: "De konton det gäller får ingen roll innan deras betalda licens är borta, nya konton väntar, och carepass kontrollerar igen {when}.",
        you: "Stäng av automatisk licensiering för organisationsenheten ({link}), och ta sedan bort de betalda licenserna under \
              Katalog > Användare.",
    }
    AccountNotOurs {
        short: "kontot är inte vårt",
        so: "Kontot med supportteknikerns adress{in} skapades inte av carepass för den här supportteknikern.",
        next: LEAVES,
        you: "Ta reda på under Katalog > Användare ({link}) vems det är; frigör adressen, eller ge åtkomsten för hand och \
              avsluta med carepass order cancel.",
    }
    AccountIsAdmin {
        short: "kontot administrerar något annat",
        so: "Kontot{in} administrerar redan något annat.",
        next: LEAVES,
        you: "Ta reda på varför under Konto > Administratörsroller ({link}), och ta bort den andra rollen om den inte ska finnas.",
    }
    AccountSuspended {
        short: "kontot är avstängt",
        so: "Någon annan än carepass har stängt av kontot{in}.",
        next: "carepass häver inga avstängningar som andra har gjort, och kontrollerar igen {when}.",
        you: "Ta reda på varför under Katalog > Användare ({link}), och återaktivera det där om det ska fungera; en avstängning för \
              missbruk kan bara Google häva.",
    }
    AccountGone {
        short: "kontot är borta",
        so: "Kontot{in} fanns och är nu borta.",
        next: "carepass kontrollerar igen {when} och fortsätter om det har kommit tillbaka.",
        you: "Om det togs bort av misstag, återställ det inom 20 dagar ({link}); om det var meningen, avsluta med \
              carepass order cancel.",
    }
    CaseRedirectNeeded {
        short: "omdirigera ärendeposten",
        so: "Ingen har ännu sagt att posten om supportärenden är omdirigerad{in}.",
        next: "carepass kan inte se omdirigeringen hos Google: det fortsätter när du säger att den är gjord, och frågar igen {when}.",
        you: "Omdirigera de nya adressernas post till supportteknikernas vanliga adresser i Gmail (Default routing, {link}; API:et har dem \
              som address-map.csv), och säg sedan till med carepass task done, eller för en enda supporttekniker med carepass order skip.",
    }
    AccountsUnsettled {
        short: "alla konton är inte klara",
        so: "Alla supportteknikerns konton är inte klara.",
        next: "carepass skickar brevet, som nämner alla och skickas en enda gång, när de är det, och kontrollerar igen {when}.",
        you: "Se med carepass explain vad supportteknikerns andra rader väntar på, och gör det först; avsluta det som inte ska bli \
              av med carepass order cancel.",
    }
    ContactMissing {
        short: "en adress för brevet saknas",
        so: "HR gav ingen adress som brevet till supportteknikern kan skickas till.",
        next: "carepass skickar brevet så snart HR skickar en adress, och kontrollerar igen {when}.",
        you: "Be HR att skicka händelsen med contactEmail och en högre revision, eller berätta själv för supportteknikern och använd \
              carepass order skip, med --domain för en domän som väntar.",
    }
    MailUnavailable {
        short: "e-postservern svarar inte",
        so: "E-postservern svarar inte.",
        next: "carepass försöker skicka brevet igen {when}, och kontona påverkas inte.",
        you: "Kontrollera avsnittet mail i konfigurationen, och att den här datorn når e-postservern.",
    }
    MailRefused {
        short: "e-postservern tar inte emot brevet",
        so: "E-postservern tar inte emot brevet till supportteknikern.",
        next: "carepass kontrollerar igen {when}, och kontona påverkas inte.",
        you: "Läs serverns svar vid det här meddelandet, rätta avsändaren i konfigurationen eller be HR om en annan contactEmail, \
              och använd sedan carepass order retry.",
    }
    StartsLater {
        short: "startdatumet är inte nära än",
        so: "Supportteknikern börjar senare, och inget skapas{in} före dess.",
        next: "carepass börjar av sig självt {when}; ett nytt datum från HR flyttar det.",
        you: "Ingenting; om supportteknikern ska få åtkomst tidigare, använd carepass order retry.",
    }
    TwoStepPending {
        short: "tvåstegsverifiering är inte konfigurerad än",
        so: "Supportteknikern har inte konfigurerat tvåstegsverifiering för kontot{in}, och utan den skulle rollen låsa ute kontot.",
        next: "carepass påminner supportteknikern, kontrollerar igen {when}, och ger rollen så snart Google visar att det är gjort.",
        you: "Hjälp supportteknikern att logga in och konfigurera den ({link}); om rollen ändå ska ges, använd carepass order skip.",
    }
    RenameQuestion {
        short: "ett ändrat namn och det gamla användarnamnet",
        so: "HR ändrade supportteknikerns namn, och adressen{in} är fortfarande bildad av det gamla.",
        next: "Adressen är kvar och fungerar; carepass frågar igen {when}.",
        you: "Säg med carepass task done att en adress av det nya namnet ska läggas till, eller med carepass order skip att allt ska vara kvar.",
    }
    AliasTaken {
        short: "ingen adress av det nya namnet är ledig",
        so: "En adress av supportteknikerns nya namn kunde inte läggas till{in}: någon annan har den.",
        next: "Kontot behåller sin gamla adress och fungerar; carepass kontrollerar igen {when}.",
        you: "Frigör adressen, eller låt allt vara med carepass order skip ({link}).",
    }
    PasswordInUse {
        short: "någon har redan loggat in",
        so: "Ett nytt första lösenord begärdes{in}, men någon har redan loggat in på kontot.",
        next: "carepass sätter inget lösenord på ett konto som används, och kontrollerar igen {when}.",
        you: "Låt supportteknikern använda Googles kontoåterställning eller återställ lösenordet i Admin-konsolen ({link}); använd sedan carepass order skip.",
    }
    VaultUnavailable {
        short: "valvet svarar inte",
        so: "Valvet som lämnar ut de första lösenorden svarar inte.",
        next: "carepass försöker igen {when}, och brevet väntar på det.",
        you: "Kontrollera avsnittet handover.vault i konfigurationen, och att den här datorn når valvet.",
    }
    VaultRefused {
        short: "valvet vägrar",
        so: "Valvet vägrar att svepa in de första lösenorden.",
        next: "carepass kontrollerar igen {when}, och brevet väntar på det.",
        you: "Läs valvets svar vid det här meddelandet, förnya tokenen eller dess policy, och använd sedan carepass order retry.",
    }
    HandOverFailed {
        short: "lösenorden kan inte lämnas ut",
        so: "De första lösenorden kunde inte läggas där de lämnas ut.",
        next: "carepass försöker igen {when}, och brevet väntar på det.",
        you: "Kontrollera avsnittet handover i konfigurationen: mappen och mottagarna.",
    }
    LateEffect {
        short: "bevakar det som kommer sent",
        so: "Något var på gång för kontot{in} när åtkomsten upphörde, och Google kan ännu utföra det.",
        next: "carepass kontrollerar igen {when}, i upp till en kvart efter slutet, och spärrar det som då finns.",
        you: "Du behöver inte göra något medan carepass kontrollerar.",
    }
    LockOutsPending {
        short: "åtkomsten är inte borta överallt än",
        so: "Supportteknikerns åtkomst är inte borta överallt än.",
        next: "carepass fortsätter i alla domäner sida vid sida och kontrollerar igen {when}; de som ska veta får veta när det är klart.",
        you: "Se med carepass explain vilka domäner som återstår; där carepass inte kommer in spärrar du kontot för hand.",
    }
    RemovalDue {
        short: "raderas när respiten är över",
        so: "Kontot{in} är avstängt och ska raderas när respiten är över.",
        next: "carepass raderar det {when}; kommer supportteknikern tillbaka före dess återställs det.",
        you: "Ingenting; om det ska vara kvar, använd carepass order cancel.",
    }
    DriftFound {
        short: "andra har ändrat något",
        so: "Andra har ändrat något hos Google{in} som carepass sköter.",
        next: "carepass låter det vara, tittar igen {when} och stänger det här av sig självt när det är rätt.",
        you: "Leta under Katalog > Användare och Konto > Administratörsroller ({link}) efter det som visas här, och rätta det.",
    }
    ProfileUnconfigured {
        short: "ingen roll för profilen",
        so: "Ingen roll är konfigurerad för supportteknikerns profil{in}.",
        next: "carepass ger ingen annan roll i stället, och kontrollerar igen {when}.",
        you: "Konfigurera profilen för återförsäljarkontot och starta om carepass, eller be HR om en annan profil.",
    }
    ApprovalMissing {
        short: "ett godkännande saknas",
        so: "Åtkomst kräver ett godkännande här, och HR:s händelse anger inget.",
        next: "carepass håller supportteknikern tills någon godkänner, eller HR skickar godkännandet med en högre revision.",
        you: "Be HR om godkännandet, eller godkänn med carepass order approve.",
    }
    EmploymentEnded {
        short: "anställningen var redan avslutad",
        so: "HR säger att supportteknikern ska ha åtkomst igen, under en anställning som redan var avslutad.",
        next: "carepass håller supportteknikern, vars åtkomst förblir borta, tills någon godkänner eller HR skickar ett nytt employment id.",
        you: "Fråga HR vilket som är rätt; godkänn med carepass order approve bara om supportteknikern verkligen är tillbaka.",
    }
    GrantsHeld {
        short: "gränsen för tilldelningar är nådd",
        so: "Fler supporttekniker ska få åtkomst på en gång än gränsen för tilldelningar tillåter.",
        next: "carepass håller dem som är över gränsen tills någon släpper fram dem, även när det finns plats igen.",
        you: "Fråga HR om antalet stämmer; om det gör det, släpp fram alla med carepass task done grants-held, \
              eller var och en med carepass order approve.",
    }
    SealBroken {
        short: "de förseglade uppgifterna går inte att öppna",
        so: "Supportteknikerns förseglade personuppgifter går inte att öppna.",
        next: "Ingenting är förlorat hos Google, den här raden står stilla, och carepass kontrollerar igen {when}.",
        you: "Starta carepass med den förseglingsnyckel som det hade förut, vid behov ur säkerhetskopian; om uppgifterna raderades \
              med avsikt, avsluta med carepass order cancel.",
    }
    StoreUnavailable {
        short: "lagret svarar inte",
        so: "Lagret i carepass svarade inte{doing}.",
        next: "carepass försöker igen {when}; ett lager där en skrivning har misslyckats öppnar sig på nytt så snart disken tar emot.",
        you: "Kontrollera utrymmet på disken och läs carepass logg; när orsaken är borta fortsätter det av sig självt.",
    }
    StepUnknown {
        short: "den här versionen känner inte till steget",
        so: "Steget som står på tur{in} är okänt för den här versionen av carepass.",
        next: "Den här raden står stilla tills en version körs som gör det, och carepass kontrollerar igen {when}.",
        you: "Starta den nyare versionen igen: troligen har en äldre startats efter den.",
    }
    RequestRefused {
        short: "Google avvisade begäran",
        so: "Google avvisade en begäran från carepass{in}{doing} som felaktig, och det är ett fel i carepass.",
        next: "Den här raden står stilla, de andra fortsätter, och carepass kontrollerar igen {when}.",
        you: "Rapportera det med versionen och utskriften av carepass explain; om du gör steget för hand under tiden, använd \
              carepass order skip.",
    }
    UnknownAnswer {
        short: "Googles svar är okänt",
        so: "carepass känner inte till det svar som Google gav{in}{doing}.",
        next: "carepass gör ingenting på en gissning, de andra raderna fortsätter, och det kontrollerar igen {when}.",
        you: "Läs svaret vid det här meddelandet, följ det om det är tydligt, använd sedan carepass order retry och rapportera det; \
              raderna vid det säger, när de står i konfigurationen, vad som ska ske med sådana svar.",
    }
}
