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
        aucune sans
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
