//! The letters in Swedish. Names of buttons and fields are Google's own.

use super::{BeforeRole, Digest, Manager, Passwords, Sections, Welcome, Words};

pub(super) const WORDS: Words = Words {
    hello: "Hej",
    footer: "Brevet är skrivet av carepass, som lägger upp kontona. Det innehåller inget lösenord; ingen kommer att fråga dig efter ditt.",
    footer_to_others: "Brevet är skrivet av carepass, som lägger upp kontona. Ingen läser svar på det.",
    more: |count| format!("och {count} till"),
    sections: Sections {
        accounts: "Dina konton",
        reseller_domain: "Återförsäljardomän",
        sign_in: "Logga in",
        case_mail: "E-post om dina ärenden",
        case_sharing_advice: "Kontona som har skapats åt dig har ingen brevlåda. Klistra in din vanliga Workspace-adress i fältet Case Sharing i portalen:",
        case_sharing_why: "Då får du e-post om ärendet där du brukar läsa den.",
        some_redirected: "Det behövs inte för de här kontona, vars e-post omdirigeras till dig:",
        all_redirected: "Kontona som har skapats åt dig har ingen brevlåda. E-post om dina ärenden omdirigeras dit där du brukar läsa din e-post; du behöver \
                         inte ange något i portalen.",
    },
    passwords: Passwords {
        first: "Ditt första lösenord",
        several: "Dina lösenord",
        how_to_sign_in: "Så loggar du in",
        administrator: "Logga in med enkel inloggning (SSO) via ditt företag, eller be administratören som sköter de här kontona om ett \
                        första lösenord. Det kommer aldrig via e-post, och vid den första inloggningen ber Google dig att välja ett eget.",
        link: |until| {
            format!(
                "Dina första lösenord står på en sida. Den öppnas med en knapp, en enda gång, och inte senare än {until}. Öppna den när du \
                 har tid att logga in på alla konton: Google ber dig då att välja ett eget lösenord."
            )
        },
        link_label: "Sidan med dina första lösenord",
        link_lost: "Om sidan säger att den redan är öppnad och det inte var du, säg genast till administratören som sköter de här kontona. \
                    Om du var för sent ute, be om en ny länk.",
        vault: |until| {
            format!(
                "Dina första lösenord finns i företagets Vault. Det här kommandot visar dem, en enda gång, och inte senare än {until}; om det \
                 säger att token redan är använd och det inte var du, säg genast till administratören som sköter de här kontona:"
            )
        },
        age: "De som sköter de här kontona har ditt första lösenord i en krypterad fil och ger det till dig personligen. Det kommer aldrig \
              via e-post, och vid den första inloggningen ber Google dig att välja ett eget.",
        single_sign_on: "Det finns inget lösenord att välja: logga in med enkel inloggning (SSO) via ditt företag, som du brukar.",
        for_these: "Det gäller:",
        restored: "De här kontona är tillbaka med det lösenord som de hade. Om du inte minns det kan du använda Googles kontoåterställning \
                   eller fråga administratören som sköter kontona:",
        home: "Det här är ditt eget konto: du loggar in som vanligt, och e-post om dess ärenden kommer till dess brevlåda:",
    },
    welcome: Welcome {
        subject: "Dina konton för Googles kundvårdsportal",
        introduction: "Du har ett eget konto i varje återförsäljardomän. Med det skapar och följer du supportärenden för den \
                       återförsäljarens kunder i Googles kundvårdsportal (Customer Care Portal). På nyare sidor heter den Google Cloud \
                       Support Portal.",
        portal: "Portalen",
        portal_advice: "Portalen visar bara kunderna i den domän som du är inloggad i. Logga in med kontot i kundens återförsäljardomän.",
        two_step: "Tvåstegsverifiering",
        two_step_advice: "Aktivera den för varje konto vid den första inloggningen. Din roll gör dig till administratör, och Google kräver \
                          genast tvåstegsverifiering av administratörer: utan den blir du utelåst.",
        two_step_help: "Tvåstegsverifiering för administratörer",
        several_accounts: "Flera konton samtidigt",
        several_accounts_advice: "Du kan vara inloggad på alla dina konton i samma webbläsare, eller använda en Chrome-profil för varje konto.",
        several_accounts_help: "Så loggar du in på flera konton",
        trouble: "Om något inte fungerar",
        role_delay: "Portalen nekar dig åtkomst eller visar inga kunder: det kan ta upp till 24 timmar innan din roll gäller. Försök igen \
                     senare; om ett dygn inte räckte, säg till den driftansvariga.",
        no_product_type: "Produkttypen går inte att välja för en kund: kunden har stängt av återförsäljarens åtkomst. Be kundens \
                          administratör att slå på den.",
        reseller_access: "Så slår man på återförsäljarens åtkomst",
    },
    before_role: BeforeRole {
        subject: "Aktivera tvåstegsverifiering för dina nya konton",
        subject_again: "Din åtkomst väntar på tvåstegsverifiering",
        introduction: "Du har ett eget konto i varje återförsäljardomän. De ger ingen åtkomst än: aktivera först tvåstegsverifiering för vart \
                       och ett av dem. Din åtkomst till Googles kundvårdsportal öppnas av sig själv när Google visar att den är aktiverad.",
        introduction_again: "Google visar ännu ingen tvåstegsverifiering för kontona nedan, och innan dess ger de ingen åtkomst. Om du har \
                             aktiverat den det senaste dygnet behöver du inte göra något: det dröjer en stund innan Google visar det.",
        introduction_given: "Google visar ännu ingen tvåstegsverifiering för kontona nedan. Google kräver den av alla som har den här åtkomsten, \
                             och låser ett konto som saknar den. Om du har aktiverat den det senaste dygnet behöver du inte göra något: \
                             det dröjer en stund innan Google visar det.",
        starts: |starts| format!("Din första dag: {starts}. Aktivera den innan dess."),
        how: "Så aktiverar du tvåstegsverifiering",
        steps: [
            "Öppna inloggningslänken för ett konto ovan och logga in.",
            "Välj ett eget lösenord, om Google ber om det.",
            "Aktivera tvåstegsverifiering, med en nyckel (passkey), en säkerhetsnyckel eller en app i telefonen.",
            "Spara reservkoder där du hittar dem utan telefonen. Ta sedan nästa konto.",
        ],
        help: "Googles egen beskrivning",
        after: "När din åtkomst är öppen får du ett brev om hur du hittar till portalen.",
    },
    manager: Manager {
        ready_subject: |name| format!("{name} har åtkomst till Googles kundvårdsportal"),
        ready: |name| format!("Alla konton för {name} i Googles kundvårdsportal är klara:"),
        starts: |name, starts| format!("Första dagen för {name}: {starts}."),
        ready_next: |name| {
            format!("{name} har fått ett brev om hur man loggar in. Du behöver inte göra något.")
        },
        risk_subject: |name| format!("{name} saknar kanske åtkomst första dagen"),
        risk: |name, starts| {
            format!(
                "Första dagen för {name}: {starts}. Kontona i Googles kundvårdsportal är kanske inte klara då. Det här väntar de på:"
            )
        },
        risk_head: ["Vad som väntar", "På vem"],
        risk_next: "carepass fortsätter av sig självt så snart det går, och du får ett brev när allt är klart. Om du kan skynda på den som \
                    nämns ovan hjälper det.",
        gone_subject: |name| format!("{name} har inte längre åtkomst till Googles kundvårdsportal"),
        gone: |name| {
            format!(
                "Åtkomsten till Googles kundvårdsportal har upphört för {name}. carepass har sett efter i varje domän: inget konto där \
                 öppnar den längre."
            )
        },
        gone_head: ["Återförsäljardomän", "Stängt"],
        gone_next: "Du behöver inte göra något. Om det var ett misstag, säg till dem som sköter personaluppgifterna: carepass gör som de säger.",
    },
    digest: Digest {
        subject: |counts| format!("carepass: {counts}"),
        written: |at| format!("Så här står det till: {at}. Det som inte nämns här behöver ingen."),
        leavers_count: |count| match count {
            1 => "1 inte utelåst".to_owned(),
            count => format!("{count} inte utelåsta"),
        },
        leavers: "Har slutat och är inte utelåsta än",
        leavers_head: ["Tekniker", "Domän", "Öppet sedan"],
        leavers_advice: "carepass fortsätter att försöka, överallt där återförsäljarkontot är konfigurerat. Tills det lyckas kan de här personerna fortfarande logga in. Stäng varje konto för \
                         hand nu, som avancerad administratör i dess återförsäljarkonto:",
        leavers_steps: [
            "Öppna användaren i administratörskonsolen: Katalog, sedan Användare.",
            "Ta bort varje roll under Administratörsroller och behörigheter.",
            "Återställ inloggningscookies under Säkerhet, och ta bort det som är anslutet.",
            "Stäng av användaren. Radera den inte.",
        ],
        console: "Användarna i administratörskonsolen",
        risks_count: |count| match count {
            1 => "1 startdatum i fara".to_owned(),
            count => format!("{count} startdatum i fara"),
        },
        risks: "Startdatum i fara",
        risks_head: ["Tekniker", "Börjar", "Väntar på"],
        tasks_count: |count| match count {
            1 => "1 uppgift".to_owned(),
            count => format!("{count} uppgifter"),
        },
        tasks: "Öppna uppgifter",
        tasks_head: ["Återförsäljarkonto", "Öppna", "Den äldsta sedan"],
        house: "inget särskilt",
        tasks_advice: "carepass task list säger vad var och en handlar om.",
        held_count: |count| format!("{count} hålls kvar"),
        held: "Hålls kvar för en människa",
        held_head: ["Tekniker", "Sedan"],
        held_advice: "Inget läggs upp för dem förrän någon som har rätt till det har tittat och släppt dem med carepass order.",
        lock_outs_count: |count| format!("{count} utan tvåstegsverifiering"),
        lock_outs: "Utan tvåstegsverifiering",
        lock_outs_head: ["Tekniker", "Domän", "Utelåst"],
        lock_outs_advice: "Teknikerna påminns via e-post. Ett konto som Google har låst behöver reservkoder från en avancerad administratör.",
        links_count: |count| match count {
            1 => "1 sida inte öppnad".to_owned(),
            count => format!("{count} sidor inte öppnade"),
        },
        links: "Sidor med första lösenord som ingen har öppnat",
        links_head: ["Tekniker", "Går ut"],
        links_advice: "Påminn dem på annat sätt än via e-post. När den har gått ut gör en order en ny.",
    },
};
