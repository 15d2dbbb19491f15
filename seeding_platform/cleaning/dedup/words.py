"""Words that carry no fact, and words that turn one around; English, Dutch, German and French.

Words are in their normalised form: lower case, without apostrophes.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


EMPTY = frozenset(
    _words(
        """
        a an the and or of to in on at for with from by as is are was were be been am it its this that these those i you he she we they me
        my your his her our their us them so do does did have has had will would can could should just very really here there im youre ive
        id ill theyre thats dont de het een en van te op aan bij voor met uit om als zijn waren wordt worden dit dat deze die ik jij je u
        hij zij ze wij jullie mij mijn jouw uw haar ons onze hun er hier daar dan ook maar nog wel al heel erg heeft hebben zal zou kan
        kunnen naar der das ein eine einen und oder von zu auf mit aus ist sind war es ich du sie wir ihr mein dein le la les un une des
        et ou au aux dans sur avec est sont tu il elle nous vous ce cette mon ma
        """
    )
)
NEGATIONS = frozenset(
    _words(
        """
        not no never none nobody nothing neither nor without cannot cant dont doesnt didnt wont wouldnt couldnt shouldnt isnt arent wasnt
        werent hasnt havent niet geen nee nein non nooit niemand niets zonder noch nicht kein keine keinen nie ohne pas jamais aucun
        aucune sans against tegen contre gegen
        """
    )
)
NUMBERS = frozenset(
    _words(
        """
        two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred thousand million billion half double twee
        drie vier vijf zes zeven acht negen tien elf twaalf twintig dertig vijftig honderd duizend miljoen miljard dubbel zwei drei sechs
        sieben neun zehn deux trois quatre cinq sept huit neuf dix
        """
    )
)
TURNING = frozenset(
    _words(
        """
        before after until since under over above below up down more less most least first last all some few many open opened closed win
        wins won lose loses lost buy sell bought sold with start starts stop stops begin end high low higher lower increase decrease
        increased decreased rise fall rises falls am pm morning evening yes left right north south east west old cancelled postponed voor
        na tot sinds onder boven omhoog omlaag meer minder meest minst eerste laatste alle sommige weinig veel geopend gesloten dicht wint
        verliest gewonnen verloren koopt verkoopt gekocht verkocht begint eindigt hoog laag hoger lager stijgt daalt ochtend avond ja
        links rechts noord zuid oost geannuleerd uitgesteld eerder later earlier late sooner
        """
    )
)
"""Words that say when, how much or which way: common, but two texts that differ in one of them tell different things."""


def _axis(*poles: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(_words(pole)) for pole in poles)


OPPOSITES: tuple[tuple[frozenset[str], ...], ...] = (
    _axis("before voor ahead vor avant", "after na following nach après"),
    _axis("until tot till by", "since sinds from vanaf"),
    _axis("over above boven", "under below beneath onder"),
    _axis("up omhoog upwards", "down omlaag downwards"),
    _axis("more meer most meest", "less minder fewer least minst"),
    _axis("first eerste", "last laatste final"),
    _axis("all alle every elke always altijd", "some sommige none never nooit"),
    _axis("many veel", "few weinig"),
    _axis("open opened opens opening geopend opent", "closed close closes closing gesloten sluit dicht"),
    _axis("win wins won winnen wint gewonnen beats beat", "lose loses lost verliezen verliest verloren"),
    _axis("buy buys bought koop koopt kopen gekocht purchase", "sell sells sold verkoop verkoopt verkopen verkocht"),
    _axis(
        "begin begins began start starts started begint beginnen gestart launch launches",
        "end ends ended stop stops stopped eindigt eindigen gestopt finishes",
    ),
    _axis("high higher hoog hoger highest hoogste", "low lower laag lager lowest laagste"),
    _axis(
        "increase increases increased rise rises rose risen grow grows grew stijgt stijgen gestegen groeit",
        "decrease decreases decreased fall falls fell fallen drop drops dropped shrink daalt dalen gedaald krimpt",
    ),
    _axis(
        "am morning ochtend morgens early vroeg earlier eerder sooner",
        "pm evening avond late laat later night nacht afternoon middag",
    ),
    _axis("yes ja", "no nee"),
    _axis("left links", "right rechts"),
    _axis("north noord noorden northern", "south zuid zuiden southern"),
    _axis("east oost oosten eastern", "west westen western"),
    _axis("confirmed bevestigd resumed hervat", "cancelled canceled geannuleerd postponed uitgesteld delayed vertraagd"),
    _axis("arrive arrives arrived arrival aankomst arriveert", "depart departs departed departure leave leaves left vertrek vertrekt"),
    _axis("in inside binnen", "out outside buiten"),
    _axis("men mens heren man male", "women womens dames vrouw vrouwen female", "children kids kinderen"),
    _axis("summer zomer", "winter", "spring lente voorjaar", "autumn herfst najaar"),
    _axis("today vandaag", "tomorrow", "yesterday gisteren"),
    _axis("hot warm heet", "cold koud cool"),
    _axis("expensive duur", "cheap goedkoop"),
    _axis("accept accepts accepted approved goedgekeurd", "reject rejects rejected refused afgewezen geweigerd"),
    _axis("with met", "without zonder"),
    _axis("hire hires hired aangenomen", "fire fires fired ontslagen"),
    _axis("gain gains winst profit", "loss losses verlies"),
    _axis("for voor pro", "against tegen"),
    _axis("true waar", "false onwaar"),
    _axis("small klein kleine smaller", "big large groot grote larger"),
    _axis("fast quick snel", "slow langzaam traag"),
    _axis("new nieuw nieuwe", "old oud oude used"),
    _axis("best beste better beter", "worst slechtste worse slechter"),
    _axis(
        "monday maandag montag lundi",
        "tuesday dinsdag dienstag mardi",
        "wednesday woensdag mittwoch mercredi",
        "thursday donderdag donnerstag jeudi",
        "friday vrijdag freitag vendredi",
        "saturday zaterdag samstag samedi",
        "sunday zondag sonntag dimanche",
    ),
    _axis(
        "january januari januar janvier",
        "february februari februar février",
        "march maart märz mars",
        "april avril",
        "may mei mai",
        "june juni juin",
        "july juli juillet",
        "august augustus août",
        "september septembre",
        "october oktober octobre",
        "november novembre",
        "december dezember décembre",
    ),
    _axis(
        "red rood rode rot rote rouge",
        "blue blauw blauwe blau bleu bleue",
        "green groen groene grün vert verte",
        "black zwart zwarte schwarz noir noire",
        "white wit witte weiß blanc blanche",
        "yellow geel gele gelb jaune",
        "pink roze rosa rose",
        "grey gray grijs grijze grau gris grise",
        "brown bruin bruine braun brun",
        "orange oranje",
        "purple paars paarse lila violet",
    ),
)
"""Sides of one thing: a text with a word of one side and a text with a word of another do not say the same."""
