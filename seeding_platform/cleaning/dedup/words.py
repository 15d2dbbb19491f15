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
OPPOSITES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(_words(one)), frozenset(_words(other)))
    for one, other in (
        ("before voor ahead vor avant", "after na following nach après"),
        ("until tot till by", "since sinds from vanaf"),
        ("over above boven", "under below beneath onder"),
        ("up omhoog upwards", "down omlaag downwards"),
        ("more meer most meest", "less minder fewer least minst"),
        ("first eerste", "last laatste final"),
        ("all alle every elke always altijd", "some sommige none never nooit"),
        ("many veel", "few weinig"),
        ("open opened opens opening geopend opent", "closed close closes closing gesloten sluit dicht"),
        ("win wins won winnen wint gewonnen beats beat", "lose loses lost verliezen verliest verloren"),
        ("buy buys bought koop koopt kopen gekocht purchase", "sell sells sold verkoop verkoopt verkopen verkocht"),
        (
            "begin begins began start starts started begint beginnen gestart launch launches",
            "end ends ended stop stops stopped eindigt eindigen gestopt finishes",
        ),
        ("high higher hoog hoger highest hoogste", "low lower laag lager lowest laagste"),
        (
            "increase increases increased rise rises rose risen grow grows grew stijgt stijgen gestegen groeit",
            "decrease decreases decreased fall falls fell fallen drop drops dropped shrink daalt dalen gedaald krimpt",
        ),
        ("am morning ochtend morgens early vroeg earlier eerder sooner", "pm evening avond late laat later night nacht afternoon middag"),
        ("yes ja", "no nee"),
        ("left links", "right rechts"),
        ("north noord noorden northern", "south zuid zuiden southern"),
        ("east oost oosten eastern", "west westen western"),
        ("confirmed bevestigd resumed hervat", "cancelled canceled geannuleerd postponed uitgesteld delayed vertraagd"),
        ("arrive arrives arrived arrival aankomst arriveert", "depart departs departed departure leave leaves left vertrek vertrekt"),
        ("in inside binnen", "out outside buiten"),
        ("men mens heren man male", "women womens dames vrouw vrouwen female"),
        ("summer zomer", "winter"),
        ("today vandaag", "tomorrow morgen yesterday gisteren"),
        ("hot warm heet", "cold koud cool"),
        ("expensive duur", "cheap goedkoop"),
        ("accept accepts accepted approved goedgekeurd", "reject rejects rejected refused afgewezen geweigerd"),
        ("with met", "without zonder"),
        ("hire hires hired aangenomen", "fire fires fired ontslagen"),
        ("gain gains winst profit", "loss losses verlies"),
        ("for voor pro", "against tegen"),
        ("true waar", "false onwaar"),
        ("small klein kleine smaller", "big large groot grote larger"),
        ("fast quick snel", "slow langzaam traag"),
        ("new nieuw nieuwe", "old oud oude used"),
        ("best beste better beter", "worst slechtste worse slechter"),
        ("monday maandag", "tuesday dinsdag wednesday woensdag thursday donderdag friday vrijdag saturday zaterdag sunday zondag"),
        ("tuesday dinsdag", "wednesday woensdag thursday donderdag friday vrijdag saturday zaterdag sunday zondag"),
        ("wednesday woensdag", "thursday donderdag friday vrijdag saturday zaterdag sunday zondag"),
        ("thursday donderdag", "friday vrijdag saturday zaterdag sunday zondag"),
        ("friday vrijdag", "saturday zaterdag sunday zondag"),
        ("saturday zaterdag", "sunday zondag"),
        ("red rood rode", "blue blauw blauwe green groen groene black zwart zwarte white wit witte yellow geel gele pink roze grey gray grijs grijze"),
        ("blue blauw blauwe", "green groen groene black zwart zwarte white wit witte yellow geel gele pink roze grey gray grijs grijze"),
        ("green groen groene", "black zwart zwarte white wit witte yellow geel gele pink roze grey gray grijs grijze"),
        ("black zwart zwarte", "white wit witte yellow geel gele pink roze grey gray grijs grijze"),
        ("white wit witte", "yellow geel gele pink roze grey gray grijs grijze"),
        ("yellow geel gele", "pink roze grey gray grijs grijze"),
        ("pink roze", "grey gray grijs grijze"),
    )
)
"""Two sides of one thing: a text with a word of one side and a text with a word of the other do not say the same."""
