"""Words that end with a full stop within a sentence, and words that begin one: English, German and French.

No language is known where sentences are looked for, so one list serves all three. A word stands here only if it is
rare as the last word of a sentence in the other two, or if what follows tells the two uses apart.
"""

from __future__ import annotations


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


BEFORE_NAMES = _listed("""
    al approx av bspw bzw ca capt cf cmdr col cpl dipl dr e.g esp evtl fa fr ft geb gebr gen ggf gov hl hon hptm hr
    i.e incl ing inkl insb jun kath lt m.e maj med messrs mgr mlle mm mme mr mrs ms msgr mt phil prof rev röm sen
    sgt sog st ste v vgl viz vs wg z.b z.t zzgl
    """)
"""Abbreviations that go on with whatever follows, a capitalised name too."""

BEFORE_NUMBERS = _listed("""
    abb abs anm app art aufl bd c ca cap ch chap env eq eqs ex fig figs fn hrsg jg kap l max min n no nos nr nrn num
    n° o op p para pos pp pt ref refs rn s sec sect str tab tbl tel tf theor v ver vers vol vols z ziff §
    """)
"""Abbreviations before a number, a Roman number or a single letter; elsewhere they are words, as `no` and `art` are."""

WITHIN = _listed("""
    a.d a.m adj adm adv alt apr apt assn aug ave b.c b.c.e bldg blvd bros c.e co corp dec dept dist div ed eds esq
    est etc feb ff gest inc jan jh jhd jr jul lat ltd mag mar mfg mio misc mrd mwst nov oct okt orig p.m ph.d pl pub
    pvt rd rep sep sept sr ste temp trans u.a.m univ usf usw
    """)
"""Abbreviations that may end a sentence as well: they do if a capital follows."""

MONTHS = _listed("""
    april august december dez dezember feb februar february jahrhundert jahrhunderts jan januar january jh jhd jul
    juli july jun june juni jänner mai mar march mrz märz nov november oct october okt oktober sep sept september
    """)
"""What follows the number of a day or century in German: `3. Mai`, `19. Jahrhundert`; in English `c. April`."""

BEFORE_ORDINALS = _listed("""
    ab als am beim bis das dem den der des die dies dieser ein eine einem einen einer eines ihr ihre ihrem ihren
    ihrer im ins jeder jedes kein nach sein seine seinem seinen seiner seit unser unsere vom von vor zu zum zur
    """)
"""German words before an ordinal number, `die 2. Auflage`. A number that ends a sentence seldom follows one."""

STARTERS = _listed("""
    a aber after again all alle allerdings also although always am an and another any are as at au auch auf aus
    aussi aux avec be because before bei beide beim bis both but by can ce cela celle celui ces cet cette chaque
    comme da dabei dadurch dafür daher damit danach dann dans daran darauf darum das dass dazu de dem den denn
    depuis der deren des deshalb dessen did die dies diese dieser dieses do doch does donc dort du durch during each
    ebenso ein eine einem einen einer either elle elles en enfin ensuite er erst es est et eux even every everyone
    finally for from für gegen had has have he her here hers heute hier his how however i ich if ihm ihn ihr ihre il
    ils im in instead is ist it its ja je jede jeder jedes jedoch jetzt kein keine la later le les leur leurs lors
    lorsque mais many maybe mit more most my nach ne never next ni nicht no nobody noch not note nothing nous nun
    nur ob oder of ohne on once or other others ou our ours où par parce pendant please pour pourquoi puis quand que
    quel quelle qui quoi sa sans see sein seine seit selon ses she should si sie since sind so sobald sollte some
    someone sometimes somit son sont soon sous such sur ta that the their theirs them then there therefore these
    they this those though three thus to today tous tout toute toutes trotz trotzdem très tu two um un und under une
    unless unser unter until usually vers voici voilà vom von vor vos votre vous wann warum was we weil wenn wer
    werden were what when where whether which while who whom whose why wie wir wird with without wo would yes yet
    you your zu zuerst zum zur zwar à
    """)
"""Words that begin sentences far more often than they are names. A capital alone does not tell these apart."""
