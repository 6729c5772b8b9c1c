//! The letters in Swedish. Names of buttons and fields are Google's own.

use super::Words;

pub(super) const WORDS: Words = Words {
    subject: "Dina konton för Googles kundvårdsportal",
    hello: "Hej",
    introduction: "\
Du har ett eget konto i varje återförsäljardomän. Med det skapar och följer
du supportärenden för den återförsäljarens kunder i Googles kundvårdsportal
(Customer Care Portal). På nyare sidor heter den Google Cloud Support Portal.",
    accounts: "Dina konton",
    reseller_domain: "Återförsäljardomän",
    sign_in: "Logga in",
    portal: "Portalen",
    portal_advice: "\
Portalen visar bara kunderna i den domän som du är inloggad i. Logga in med
kontot i kundens återförsäljardomän.",
    password: "Ditt första lösenord",
    password_advice: "\
Logga in med enkel inloggning (SSO) via ditt företag, eller be
administratören som sköter de här kontona om ett första lösenord. Det kommer
aldrig via e-post, och vid den första inloggningen ber Google dig att välja
ett eget.",
    passwords: "Dina lösenord",
    restored_advice: "\
De här kontona är tillbaka med det lösenord som de hade. Om du inte minns
det kan du använda Googles kontoåterställning eller fråga administratören
som sköter kontona:",
    home_advice: "\
Det här är ditt eget konto: du loggar in som vanligt, och e-post om dess
ärenden kommer till dess brevlåda:",
    two_step: "Tvåstegsverifiering",
    two_step_advice: "\
Aktivera den för varje konto vid den första inloggningen. Din roll gör dig
till administratör, och Google kräver genast tvåstegsverifiering av
administratörer: utan den blir du utelåst.",
    case_mail: "E-post om dina ärenden",
    case_sharing_advice: "\
Kontona ovan har ingen brevlåda. Klistra in din vanliga Workspace-adress i
fältet Case Sharing i portalen:",
    case_sharing_why: "\
Då får du e-post om ärendet där du brukar läsa den.",
    some_redirected: "\
Det behövs inte för de här kontona, vars e-post omdirigeras till dig:",
    all_redirected: "\
Kontona ovan har ingen brevlåda. E-post om dina ärenden omdirigeras dit där
du brukar läsa din e-post; du behöver inte ange något i portalen.",
    several_accounts: "Flera konton samtidigt",
    several_accounts_advice: "\
Du kan vara inloggad på alla dina konton i samma webbläsare, eller använda
en Chrome-profil för varje konto. Så loggar du in på flera konton:",
    trouble: "Om något inte fungerar",
    role_delay: "\
Portalen nekar dig åtkomst eller visar inga kunder: det kan ta upp till
24 timmar innan din roll gäller. Försök igen senare; om ett dygn inte
räckte, säg till den driftansvariga.",
    no_product_type: "\
Produkttypen går inte att välja för en kund: kunden har stängt av
återförsäljarens åtkomst. Be kundens administratör att slå på den:",
    footer: "\
Brevet är skrivet av carepass, som lägger upp kontona. Det innehåller ingen
hemlighet; ingen kommer att fråga dig efter ditt lösenord.",
};
