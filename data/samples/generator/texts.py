"""The words of the story: own posts, competitors' posts and their planted look-alikes. All of it is invented."""

OWN_NL = (
    "Van klik tot brievenbus in één dag: zo verwerken we jouw bestellingen in ons magazijn in Venlo. #fulfilment #webshop",
    "Retouren zijn geen sluitpost. Met een helder retourportaal daalt het aantal vragen aan je klantenservice. #retouren #ecommerce",
    "De zomerdeals staan klaar &amp; de schappen zijn gevuld. Bestel vóór 22:00 uur, morgen in huis. #zomerdeals #webshop",
    "Wist je dat een kleinere doos tot &euro; 0,40 per zending scheelt? Wij meten elk pakket. #verpakking #duurzaam",
    "Voorraad in Nederland én België: klanten in Gent hoeven niet langer te wachten. #fulfilment #belgie",
    "Onze orderpickers lopen gemiddeld 9 kilometer per dienst. De nieuwe looproutes besparen er twee. #magazijn #logistiek",
    "Peak komt eraan. Deel je prognose voor eind september, dan houden wij plek vrij. #peak #planning #logistiek",
    "Een cadeau zonder prijskaartje? Zet het vinkje aan en wij regelen pakbon, kaartje en lint. #cadeau #webshop",
    "Vraag van de week: wanneer stap je over op een extern magazijn? Ons antwoord in drie minuten video. #fulfilment",
    "Groene verzending kiezen wordt makkelijker: de fietskoerier rijdt nu ook in Antwerpen en Utrecht. #duurzaam #bezorging",
    "Nieuw in het dashboard: zie per bestelling waar het misging &amp; wie eraan werkt. #ecommerce #data",
    "Geen zaterdagbezorging meer missen: kies zelf een tijdvak van twee uur. #bezorging #klantbeleving",
    "Wij zoeken een planner met gevoel voor cijfers. Werken in Breda, lunch van de zaak. #vacature #logistiek",
    "Herfstdeals gaan live! Vijf merken, één magazijn, nul stress. &#127810; #herfstdeals #webshop",
    "Adres fout ingevuld? Onze controle haalt er dagelijks zo'n zestig uit voordat het label wordt geprint. #datakwaliteit #webshop",
    "Achter de schermen: hoe drie collega's in een ochtend 1.200 zendingen klaarzetten. #magazijn #team",
    "Een kapot product is vervelend, stilte erna is erger. Zo communiceren wij schade binnen een uur. #klantbeleving #service",
    "Samenwerken met influencers? Meet eerst wat een bezoeker waard is, begin dan pas te rekenen. #ecommerce #marketing",
    "De btw-regels voor verkoop aan België op één pagina, zonder jargon. Download gratis. #belgie #ecommerce #tips",
    "Statiegeld op verzenddozen: onze proef met 400 klanten leverde negen van de tien dozen terug op. #duurzaam #verpakking",
)
OWN_EN = (
    "Same-day fulfilment is a promise you keep at 6 a.m., not at checkout. Here is how our night shift does it. #fulfilment #ecommerce",
    "Three numbers every web shop should know before peak: units per order, return rate, stock cover. #ecommerce #planning",
    "Free webinar: from one warehouse to two without losing a single order. Seats are limited &amp; filling up. #webinar #fulfilment",
    "We cut packing time by 18% with a simple trick: the right box on the right shelf. #packaging #logistics",
    "Stock-outs hurt twice: the sale you lose today and the customer you lose tomorrow. #inventory #ecommerce",
    "Cross-border to Belgium? Start with the delivery promise, then translate the site. #crossborder #ecommerce",
    "What carriers call an exception, your customer calls a broken promise. Let&#39;s fix the second one. #logistics #service",
    "A day in the life of a returns desk: 240 parcels, 3 languages, one very good label printer. #returns #team",
    "Forecasts are wrong. Useful ones say how wrong. Our planner explains error bars over coffee. #data #planning",
    "Less air in the box means fewer vans on the road. Our cartons shrank by a fifth this year. #sustainability #packaging",
    "Your ad budget brings visitors; your delivery brings them back. Measure both. #marketing #ecommerce",
    "Meet the new tracking page: one link, no login, plain words. #customerexperience #webshop",
    "Autumn deals go live on Thursday. Warehouse ready, coffee ready, are you? &#128230; #autumndeals #webshop",
    "How we label problems: late, lost, damaged or simply unclear. Naming it is half the repair. #data #logistics",
    "Subscription boxes look easy until month three. Five lessons from the packing line. #subscription #fulfilment",
    "Why we stopped promising 'tomorrow' to everyone &ndash; and sold more. #delivery #ecommerce",
    "Bike couriers now cover the city centres of Ghent and Rotterdam. Quiet, quick and quite happy. #sustainability #delivery",
    "Ten questions to ask before you sign with a fulfilment partner. Number seven surprises most founders. #fulfilment #tips",
    "Our data team counted every click of a warehouse shift. The result: four screens became one. #data #warehouse",
    "Customs paperwork for small parcels, explained with one kitchen table and two mugs. #customs #crossborder",
)
CROSS_POSTED = {"nl": (1, 4, 9, 13), "en": (2, 5, 10, 16)}
"""Texts that appear on a second platform a few hours later."""

OPENINGS = {
    "nl": (
        "Maandagochtend, koffie in de hand.",
        "Nog even en het drukste seizoen begint.",
        "Een klant vroeg ons laatst iets slims.",
        "Even eerlijk over bezorgbeloftes.",
        "We verhuisden vorige maand de hele inpakstraat.",
        "Kleine webshops groeien sneller dan gedacht.",
        "Achter elke doos zit een mens.",
        "De cijfers van dit kwartaal zijn binnen.",
        "Regenachtige dag, volle bus.",
        "Onze proef met hergebruikte kratten loopt af.",
    ),
    "en": (
        "Quick update from the loading dock.",
        "Peak season starts earlier every year.",
        "A founder asked us a sharp question last week.",
        "Let us talk about delivery promises.",
        "Our packing line moved to a brighter hall.",
        "Small shops deserve big-shop logistics.",
        "Behind every parcel stands a person.",
        "The quarterly numbers are finally in.",
        "Rain outside, calm inside the depot.",
        "The reusable crate pilot is coming to an end.",
    ),
}
BODIES = {
    "nl": (
        "Wie zijn voorraad dagelijks telt, verkoopt zelden iets wat er niet ligt.",
        "Met vaste ophaaltijden weet iedereen waar hij aan toe is.",
        "De meeste vragen gaan nog altijd over waar een pakket blijft.",
        "Snelle terugbetaling maakt van een retour een tweede kans.",
        "Dunner papier bleek sterk genoeg voor boeken en kleding.",
        "Een goed adres scheelt een rit, een telefoontje en ergernis.",
        "Koelproducten vragen om een eigen hoek en een strak schema.",
        "Samen plannen met de vervoerder levert lege kilometers op die verdwijnen.",
        "Nieuwe collega's leren het scannen in een halve ochtend.",
        "Duidelijke maten bij het product voorkomen de helft van het gedoe.",
    ),
    "en": (
        "Shops that count stock daily rarely sell what they do not have.",
        "Fixed pick-up slots tell everybody where they stand.",
        "Most questions are still about where a parcel happens to be.",
        "A fast refund turns a return into a second chance.",
        "Thinner paper proved strong enough for books and clothes.",
        "One correct address saves a trip, a call and a sigh.",
        "Chilled goods need their own corner and a strict timetable.",
        "Planning together with carriers makes empty miles vanish.",
        "New colleagues master the scanner in half a morning.",
        "Clear sizes on the product page prevent endless hassle.",
    ),
}
CLOSINGS = {
    "nl": (
        "Lees het hele verhaal op onze site. #logistiek",
        "Hoe pakken jullie dat aan? #webshop",
        "Volgende week delen we het resultaat. #magazijn",
        "Plan een rondleiding, de koffie staat klaar. #fulfilment",
        "Stuur deze tip door aan je collega. #ecommerce",
        "Meer weten? Reageer hieronder. #bezorging",
        "Wij bouwen er rustig aan verder. #duurzaam",
        "Binnenkort meer beelden van de werkvloer. #team",
        "Het stappenplan vind je via de link. #tips",
        "Dank aan iedereen die meedacht! #retouren",
    ),
    "en": (
        "Read the full story on our site. #logistics",
        "How do you handle this? #webshop",
        "Results follow next week. #warehouse",
        "Book a tour, coffee is on us. #fulfilment",
        "Send this tip to a colleague. #ecommerce",
        "Curious? Comment below. #delivery",
        "We keep building, step by step. #sustainability",
        "More pictures from the floor soon. #team",
        "The checklist is behind the link. #tips",
        "Thanks to all who helped! #returns",
    ),
}
"""Any two competitor posts share at most one of opening, body and closing, so none is a look-alike by accident."""

PARAPHRASES = (
    (
        "en",
        "Our Ghent depot now ships on Sundays too, so weekend orders arrive on Monday.",
        "Weekend purchases reach you on Monday: the Ghent depot has started sending parcels on Sunday as well.",
    ),
    (
        "en",
        "We are looking for two forklift drivers in Tilburg, full time and with training.",
        "Vacancy in Tilburg: two full-time forklift operators wanted, we teach you the job.",
    ),
    (
        "en",
        "From October every carton we use is made of recycled board only.",
        "Starting in October, all our boxes consist entirely of recycled cardboard.",
    ),
    (
        "en",
        "Customers can now change the delivery address until the van leaves.",
        "Until the moment the van departs, buyers are able to edit where their order goes.",
    ),
    ("nl", "Vanaf november bezorgen wij in heel Limburg ook in de avond.", "Goed nieuws voor heel Limburg: avondbezorging is er vanaf november bij."),
    (
        "nl",
        "Ons nieuwe magazijn in Mechelen opent in september en biedt werk aan dertig mensen.",
        "In september gaan de deuren open van het nieuwe magazijn te Mechelen, goed voor dertig banen.",
    ),
    (
        "nl",
        "Klanten betalen hun bestelling voortaan pas nadat het pakket is aangekomen.",
        "Pas afrekenen als het pakket binnen is: dat kan voortaan bij elke bestelling.",
    ),
    ("nl", "De helft van onze bestelbussen rijdt sinds deze zomer op stroom.", "Sinds deze zomer is één op de twee bestelbussen bij ons elektrisch."),
)
HARD_NEGATIVES = (
    ("en", "Order before 18:00 and we ship the same evening, all week long.", "Order before 21:00 and we ship the same evening, all week long."),
    ("en", "Our next open day takes place in Eindhoven, doors open at noon.", "Our next open day takes place in Leuven, doors open at noon."),
    ("en", "Returns are free for members of our loyalty programme.", "Returns are not free for members of our loyalty programme."),
    ("nl", "De verzendkosten naar België bedragen voortaan € 4,95 per pakket.", "De verzendkosten naar België bedragen voortaan € 6,95 per pakket."),
    (
        "nl",
        "Op 14 september is het magazijn gesloten wegens een stroomstoring in de wijk.",
        "Op 28 september is het magazijn gesloten wegens een stroomstoring in de wijk.",
    ),
    (
        "nl",
        "Het nieuwe sorteercentrum bij Zwolle verwerkt pakketten van kleine webwinkels.",
        "Het nieuwe sorteercentrum bij Hasselt verwerkt pakketten van kleine webwinkels.",
    ),
)
"""Pairs that differ in one fact: time, place, negation, price, date, place. They must never merge."""

TYPO_SEEDS = (
    ("en", "Our warehouse robots learned to say sorry, at least on the little screen above the conveyor belt.", "warehouse", "warehosue"),
    ("en", "Wrapping machines broke down twice, yet the team finished every parcel before the evening departure.", "machines", "machnies"),
    ("nl", "Onze heftruckchauffeurs wonnen de behendigheidswedstrijd met een voorsprong van een halve pallet.", "voorsprong", "voorpsrong"),
)
TRUNCATED_SEEDS = (
    ("en", "Five habits of calm fulfilment teams: daily counts, fixed breaks, clear labels, spare printers and a manager who walks the floor.", 88),
    (
        "nl",
        "Vijf signalen dat je magazijn te klein wordt: dozen in de gang, zoekende collega's, late ritten, dubbele locaties en een overvolle kantine.",
        92,
    ),
    (
        "nl",
        "Zo maakten wij van een saaie pakbon een welkomstbriefje: eigen tekening, handgeschreven lettertype en een korte groet van de inpakker.",
        90,
    ),
)
REPOST_SEEDS = (
    ("en", "Nothing beats the sound of the last roll cage leaving the dock on a Friday afternoon."),
    ("en", "Our apprentices built a scale model of the sorting hall out of leftover cardboard."),
    ("nl", "Niets mooier dan een lege retourtafel op vrijdagmiddag en muziek uit de werkplaats."),
)
