"""What went wrong with orders before, and what people at the desk called it: the labelled history that a classifier learns from.

The desk writes as it likes, in Dutch and in English, short or long; every sentence is written by hand, and used once or twice with another order
and other figures. One label in fifty is a slip.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from generator.records import Sample, iso, rng_for

if TYPE_CHECKING:
    import random

    from generator.records import Findings
    from generator.shop import Order

ROWS = 520
SLIPS = 0.02
DESK = ("desk-1", "desk-2", "desk-3")
WEIGHTS = {
    "late_delivery": 4, "carrier_exception": 3, "address_problem": 3, "damaged": 3, "stock_out": 2, "payment_mismatch": 2, "duplicate_order": 2,
    "missing_data": 2, "customs_hold": 2, "other": 3,
}  # fmt: skip
_SENTENCES = {
    "late_delivery": """
{o} was due on {d} and has not been delivered yet.
Delivery of {o} is {n} days late.
The buyer of {o} expected the box last {d} and is still without it.
{o} delayed, promised date has passed
No parcel yet although we promised {d}; the customer asks for a new date.
Arrived {n} days after the date on the confirmation.
Too late: the present in {o} came after the party.
Customer complains that shipping takes longer than stated for {o}.
Promised within two days, now day {n} and nothing received.
Where is {o}? It should have arrived by now.
Late arrival, customer wants compensation for the delay.
Expected delivery moment missed, {o} still on its way.
Next-day delivery was paid for, it took {n} days.
Slow delivery, {o} has been waiting for a slot since {d}.
The promised time window went by and nobody came with {o}.
Overdue order, the customer has lost patience.
{o} had {d} al binnen moeten zijn, nog niets ontvangen.
Bezorging van {o} is {n} dagen te laat.
De klant verwachtte het pakket afgelopen {d} en heeft het nog steeds niet.
{o} vertraagd, beloofde leverdatum is voorbij
Nog geen pakket terwijl we {d} hadden beloofd; klant wil een nieuwe datum weten.
Kwam {n} dagen later dan op de bevestiging stond.
Te laat: het cadeau uit {o} kwam na het feest.
Klant klaagt dat de verzending langer duurt dan aangegeven.
Binnen twee dagen beloofd, nu dag {n} en nog niets binnen.
Waar blijft {o}? Die had er allang moeten zijn.
Late levering, klant vraagt om vergoeding voor de vertraging.
Verwacht bezorgmoment gemist, {o} is nog onderweg.
Voor levering de volgende dag betaald, het duurde {n} dagen.
Afgesproken tijdvak verstreken en niemand kwam {o} brengen.
Levertijd overschreden, de klant is het wachten beu.
Order had voor {d} geleverd moeten worden, klant belt elke dag.
""",
    "address_problem": """
House number missing for {o}, cannot be routed.
Street name of {o} does not exist in that town.
The postal code of {o} belongs to another city.
Wrong address on {o}: customer gave the old one before moving.
Recipient does not live at the address given for {o}.
Address line is cut off, flat number unknown.
Came back to us: name not on the door, address unknown.
{o} went to the neighbours at number {n} because the number was wrong.
Please change the delivery address of {o}, buyer made a typo in the street.
Address check failed for {o}.
PO box given, our courier does not deliver there.
City left out of the shipping address of {o}.
The buyer wants {o} sent to his work instead, address has to be changed.
Incomplete address, only street without a number.
Door number {n} is not in that street according to the driver.
Huisnummer mist bij {o}, kan niet gesorteerd worden.
Straat van {o} bestaat niet in die plaats.
De postcode van {o} hoort bij een andere gemeente.
Verkeerd adres op {o}: klant gaf het oude op van voor de verhuizing.
Ontvanger woont niet op het opgegeven adres van {o}.
Adresregel is afgekapt, nummer van het appartement onbekend.
Teruggekomen: naam staat niet op de deur, adres onbekend.
{o} is op nummer {n} afgegeven omdat het huisnummer fout was.
Graag het afleveradres van {o} wijzigen, klant maakte een typfout in de straat.
Adrescontrole mislukt voor {o}.
Postbus opgegeven, daar levert onze koerier niet.
Woonplaats niet ingevuld bij het adres van {o}.
Klant wil {o} op zijn werk ontvangen, adres moet aangepast.
Onvolledig adres, alleen een straat zonder nummer.
Nummer {n} is in die straat niet te vinden volgens de bezorger.
""",
    "payment_mismatch": """
Paid amount of {o} is {n} euro short of the total.
Customer was charged two times for {o}.
Bank transfer for {o} does not match what we invoiced.
{o} underpaid, remaining balance open.
Customer paid too much for {o} and asks the difference back.
Refund for {o} was booked with the wrong amount.
The voucher was not deducted, the buyer paid the full price of {o}.
Invoice says {n},95 and the payment provider says something else.
Card payment captured for a different sum than was authorised on {o}.
The total of {o} changed after payment, {n} euro outstanding.
Payment received in dollars while the order is in euros.
Shipping cost charged although the order qualified for free shipping.
Double debit on the account for the same order {o}.
The payment does not cover the whole order.
Price on the invoice of {o} differs from the price paid in the shop.
Betaling van {o} is {n} euro lager dan het totaal.
Bij de klant is {o} twee keer afgeschreven.
Overboeking voor {o} klopt niet met onze factuur.
{o} te weinig betaald, restbedrag staat open.
Klant heeft te veel betaald voor {o} en wil het verschil terug.
Terugbetaling van {o} is met een verkeerd bedrag geboekt.
Tegoedbon is niet verrekend, de klant betaalde de volle prijs van {o}.
Op de factuur staat {n},95 en bij de betaalprovider iets anders.
Van de creditcard is een ander bedrag geïncasseerd dan was goedgekeurd bij {o}.
Totaal van {o} is na betaling gewijzigd, nog {n} euro te voldoen.
Betaling in dollars ontvangen terwijl de order in euro is.
Verzendkosten berekend terwijl de order gratis verzonden zou worden.
Dubbele incasso op de rekening voor {o}.
De betaling dekt niet de hele bestelling.
Prijs op de factuur van {o} is anders dan wat in de winkel betaald is.
""",
    "stock_out": """
An article of {o} is sold out.
We do not have enough stock for {o}.
{o} cannot be picked, location is empty.
The product in {o} is on backorder, expected in {n} weeks.
Stock count was wrong, nothing left of this article for {o}.
Supplier stopped making the item in {o}.
Only {n} pieces left and the order asks for more.
Size M of {o} no longer available in the warehouse.
Oversold: more orders than inventory, {o} is one of them.
Replenishment has not arrived, {o} waits for goods.
One line of {o} short-picked, no stock.
Item unavailable at both depots.
The last one was sold an hour before {o} came in.
Inventory is at zero for this product.
Een artikel van {o} is uitverkocht.
We hebben niet genoeg voorraad voor {o}.
{o} kan niet verzameld worden, de locatie is leeg.
Het product in {o} staat in backorder, verwacht over {n} weken.
Telling klopte niet, van dit artikel is niets meer over voor {o}.
Leverancier maakt het artikel in {o} niet meer.
Nog maar {n} stuks en er zijn er meer besteld.
Maat M van {o} niet meer leverbaar uit het magazijn.
Meer verkocht dan er op voorraad was, {o} valt erbuiten.
Aanvulling is nog niet binnen, {o} wacht op goederen.
Eén regel van {o} niet gepickt, geen voorraad.
Artikel in beide depots niet beschikbaar.
De laatste is verkocht vlak voordat {o} binnenkwam.
Voorraad van dit product staat op nul.
""",
    "damaged": """
Contents of {o} broken on arrival.
The box of {o} was dented and the lamp inside is broken.
Customer received {o} with a torn package and a scratched product.
Bottle leaked in {o}, everything is sticky.
Damage reported by the buyer, pictures received.
{o} fell apart when it was unpacked.
The plates in {o} are in shards.
Product of {o} has cracks after transport.
Wet parcel, the books in {o} are ruined.
Corner smashed, {o} is not usable any more.
Item defective out of the box because of a fall in transit.
Packaging damaged, buyer refuses {o}.
Frame of {o} is bent.
A leg of the chair in {o} snapped off.
Screen of the device in {o} is shattered.
Inhoud van {o} kapot bij aankomst.
De doos van {o} was ingedrukt en de lamp erin is stuk.
Klant ontving {o} met een gescheurde verpakking en een bekrast product.
Fles lekte in {o}, alles plakt.
Schade gemeld door de klant, foto's ontvangen.
{o} viel uit elkaar bij het uitpakken.
De borden uit {o} liggen in scherven.
Product van {o} heeft barsten na het transport.
Nat pakket, de boeken in {o} zijn bedorven.
Hoek ingedeukt, {o} is niet meer bruikbaar.
Artikel defect door een val onderweg.
Verpakking beschadigd, klant weigert {o}.
Frame van {o} is verbogen.
Een stoelpoot in {o} is afgebroken.
Scherm van het apparaat in {o} is gebarsten.
""",
    "duplicate_order": """
{o} is a duplicate of an order from a minute before.
The customer placed this order twice.
Two orders with the same articles, one of them is {o}.
Double click at checkout created {o} as well.
{o} ordered double, cancel one of both.
Identical order received again, probably a mistake.
Buyer says {o} was not meant, she had ordered already.
Repeated order because the confirmation page did not load.
The shop sent {o} to us a second time.
Customer got two order numbers for one basket.
Same goods, same address, same minute: {o} twice.
Order came in double through the marketplace feed.
Wants only one of the two orders, {o} may go.
{o} is dubbel met een order van een minuut eerder.
De klant heeft deze bestelling twee keer gedaan.
Twee orders met dezelfde artikelen, een daarvan is {o}.
Dubbelklik bij het afrekenen leverde ook {o} op.
{o} dubbel besteld, een van de twee annuleren.
Identieke bestelling nogmaals ontvangen, vermoedelijk een vergissing.
Klant zegt dat {o} niet de bedoeling was, ze had al besteld.
Opnieuw besteld omdat de bevestigingspagina niet laadde.
De winkel stuurde {o} een tweede keer door.
Klant kreeg twee ordernummers voor één winkelmand.
Zelfde spullen, zelfde adres, zelfde minuut: {o} tweemaal.
Order kwam dubbel binnen via de koppeling met de marktplaats.
Wil maar een van de twee bestellingen, {o} mag weg.
""",
    "missing_data": """
Phone number of {o} is missing.
{o} has no e-mail address, no confirmation can be sent.
Weight not filled in for {o}.
The import of {o} contains no order lines.
Country field of {o} is empty.
No customer name in the record of {o}.
Dimensions unknown, the label of {o} cannot be made.
Tax number is not given, invoice of {o} is on hold.
{o} arrived without a currency.
Mandatory fields blank in {o}.
Article code missing on line {n} of {o}.
The file had no ship date for {o}.
Record incomplete, quantity not specified.
Data for {o} not complete, please fill in what is lacking.
Telefoonnummer van {o} ontbreekt.
{o} heeft geen e-mailadres, bevestiging kan niet verstuurd worden.
Gewicht niet ingevuld bij {o}.
In de import van {o} staan geen orderregels.
Veld land van {o} is leeg.
Geen klantnaam in de gegevens van {o}.
Maten onbekend, label van {o} kan niet gemaakt worden.
Btw-nummer niet opgegeven, factuur van {o} blijft liggen.
{o} kwam binnen zonder valuta.
Verplichte velden leeg in {o}.
Artikelcode ontbreekt op regel {n} van {o}.
In het bestand stond geen verzenddatum voor {o}.
Gegevens onvolledig, aantal niet opgegeven.
Gegevens van {o} niet compleet, graag aanvullen wat er mist.
""",
    "carrier_exception": """
Carrier sorted {o} to the wrong depot.
{o} lost in transit according to the carrier.
The van with {o} had an accident.
Driver tried to deliver {o} {n} times, nobody at home.
No scan of {o} since it reached the sorting centre.
Strike at the carrier, {o} is stuck in the hub.
Our parcels were not collected by the courier on {d}.
Carrier reports {o} as undeliverable and sends it back.
Tracking of {o} shows an exception on the route.
{o} was loaded on the wrong truck.
Courier says the parcel went missing between depots.
Breakdown of the delivery bus, {o} returned to the depot.
Track and trace stopped, the carrier is looking into {o}.
Pickup missed by the driver, pallets still at the dock.
Parcel shop refused {o} because it is full, carrier takes it back.
Vervoerder stuurde {o} naar het verkeerde depot.
{o} onderweg zoekgeraakt volgens de vervoerder.
De bus met {o} kreeg een ongeluk.
Bezorger bood {o} {n} keer aan, niemand thuis.
Geen scan van {o} sinds het sorteercentrum.
Staking bij de vervoerder, {o} ligt vast in de hub.
Onze pakketten zijn {d} niet opgehaald door de koerier.
Vervoerder meldt {o} als onbestelbaar en stuurt het terug.
Track en trace van {o} geeft een storing op de route aan.
{o} is op de verkeerde vrachtwagen geladen.
Koerier zegt dat het pakket tussen twee depots is kwijtgeraakt.
Pech met de bezorgbus, {o} terug naar het depot.
Volgen lukt niet meer, de vervoerder zoekt {o}.
Chauffeur sloeg het ophalen over, pallets staan nog bij het dok.
Pakketpunt weigerde {o} omdat het vol is, vervoerder neemt het mee terug.
""",
    "customs_hold": """
{o} is held by customs.
Customs ask for an invoice of {o}.
{o} waits for clearance at the border.
Import duty of {n} euro has to be paid before {o} is released.
The tariff code of {o} is wrong, customs need another one.
No EORI number known for the receiver of {o}.
Border inspection picked {o} for a check.
Proof of origin is missing for {o} to Norway.
Declared value of {o} is doubted by customs.
Customs papers of {o} are not complete.
{o} to Switzerland stopped, documents needed.
Export declaration of {o} refused.
Parcel detained at the airport by customs officers.
{o} wordt vastgehouden door de douane.
Douane vraagt om een factuur van {o}.
{o} wacht op inklaring bij de grens.
Er moet {n} euro invoerrechten betaald worden voordat {o} vrijkomt.
De tariefcode van {o} is onjuist, de douane wil een andere.
Geen EORI-nummer bekend van de ontvanger van {o}.
Grenscontrole haalde {o} eruit voor inspectie.
Bewijs van oorsprong ontbreekt voor {o} naar Noorwegen.
De douane twijfelt aan de opgegeven waarde van {o}.
Douanepapieren van {o} zijn niet compleet.
{o} naar Zwitserland tegengehouden, documenten nodig.
Uitvoeraangifte van {o} geweigerd.
Pakket op de luchthaven aangehouden door de douane.
""",
    "other": """
Buyer of {o} asks for the opening hours.
Would like a card with a greeting in {o}.
Question about the warranty of the product.
Happy customer, says thanks for {o}.
Asks whether a gift card can be used next time.
Wants to know if we have a shop in Ghent.
Password forgotten, cannot get into the account.
Suggests a darker colour for the website.
Newsletter should stop, please unsubscribe.
Caller hung up before saying what it was about.
Asks how to wash the fabric.
Student asks for an interview about logistics.
Wants to become a supplier.
Asks for a brochure by post.
Compliments for the packing team.
Question about a job at the warehouse.
Klant van {o} vraagt naar de openingstijden.
Wil graag een kaartje met een groet bij {o}.
Vraag over de garantie van het product.
Tevreden klant, bedankt voor {o}.
Vraagt of een cadeaubon de volgende keer gebruikt kan worden.
Wil weten of we een winkel in Gent hebben.
Wachtwoord vergeten, komt niet in het account.
Stelt een donkerder kleur voor de website voor.
Nieuwsbrief moet stoppen, graag afmelden.
Beller hing op voordat duidelijk was waar het over ging.
Vraagt hoe de stof gewassen moet worden.
Student vraagt een interview over logistiek.
Wil leverancier worden.
Vraagt om een folder per post.
Complimenten voor de inpakkers.
Vraag over werken in het magazijn.
""",
}
SENTENCES = {label: tuple(line for line in text.strip().split("\n")) for label, text in _SENTENCES.items()}
_DAYS = {"en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"), "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag")}


def _written(rng: random.Random, label: str, place: int, order: str) -> str:
    sentences = SENTENCES[label]
    sentence = sentences[place % len(sentences)]
    language = "en" if place % len(sentences) < len(sentences) / 2 else "nl"
    text = sentence.format(o=order, n=rng.randrange(2, 10), d=rng.choice(_DAYS[language]))
    return text.lower() if rng.random() < 0.12 else text


def labelled_history(facts: list[Order], findings: Findings) -> tuple[Sample, Sample]:
    """Exceptions of July to October and the label that the desk gave each within two days."""
    rng = rng_for("history")
    told = Sample("exceptions_history.jsonl", "exception_records", ("exception_id",), "ISO 8601 UTC")
    labels = Sample("exception_labels.csv", "exception_labels", ("exception_id",), "delimiter comma, utf-8; ISO 8601 UTC")
    used = dict.fromkeys(SENTENCES, 0)
    names = list(SENTENCES)
    hours = sorted(rng.randrange(8 * 24, 112 * 24) for _ in range(ROWS))
    for number, hour in enumerate(hours, 1):
        label = rng.choices(names, [WEIGHTS[n] for n in names])[0]
        raised = datetime(2026, 7, 4) + timedelta(hours=hour, minutes=rng.randrange(60))
        order = rng.choice([o for o in facts if timedelta(days=1) < raised - o.created < timedelta(days=25)]).id
        used[label] += rng.choice((5, 7, 11))  # a walk through the sentences that comes back to none of them soon
        told.add(
            {
                "exception_id": f"EH-{number:04d}",
                "order_id": order,
                "raised_at": iso(raised),
                "source": rng.choice(("carrier", "customer", "warehouse", "shop")),
                "description": _written(rng, label, used[label], order),
            }
        )
        said = label
        if rng.random() < SLIPS:
            said = rng.choice([n for n in names if n != label])
            findings.label_slips.append(f"EH-{number:04d}")
        at = iso(raised + timedelta(hours=rng.randrange(1, 48)))
        labels.add({"exception_id": f"EH-{number:04d}", "label": said, "labelled_at": at, "labelled_by": rng.choice(DESK)})
    return told, labels
