"""Words that say nothing of what somebody looks for, by language: how, do, I. A search goes by the others, if any.

They are words of grammar alone. What may be a subject (help, problem, case, work) is not here.
"""

from __future__ import annotations

STOP_WORDS = {
    language: tuple(words.split())
    for language, words in {
        "en": """
            a about all also am an and any are aren't as at be because been being but by can can't cannot could couldn't
            did didn't do does doesn't doing don't for from had has hasn't have haven't having he her hers him his how i
            i'd i'll i'm i've if in into is isn't it it's its just me mine my no nor not of on or our ours she should so
            some than that that's the their theirs them then there these they they're this those to too us was wasn't we
            were weren't what what's when where where's which who whom whose why will with won't would wouldn't you
            you're your yours
        """,
        "de": """
            ab aber als also am an auch auf aus bei bin bis bist da das dass dein deine dem den denn der des die dies
            diese dieser dieses doch dort du durch ein eine einem einen einer eines er es euch euer für hab habe haben
            hat hatte hier ich ihm ihn ihnen ihr ihre ihrem ihren im in ins ist ja jetzt kann kein keine können man mein
            meine meinem meinen meiner mich mir mit muss müssen nach nicht noch nun nur ob oder ohne schon sehr sein
            seine sich sie sind so soll um und uns unser unter vom von vor war warum was wegen weil wenn wer werden wie
            wieso wir wird wo worden wurde wurden zu zum zur über
        """,
        "es": """
            a al algo ante aunque cada como con cual cuando cuál cuándo cómo de del desde donde dónde e el ella ellos en
            entre era eres es esa ese eso esta este esto está están estoy fue ha han has hasta hay he la las le les lo
            los me mi mis muy más ni no nos nosotros o os para pero por porque qué que quien quién se ser si sin sobre
            son soy su sus sí también te tengo ti tiene tu tus tú u un una unas uno unos usted ustedes y ya yo él
        """,
        "fr": """
            à ai alors as au aux avec avez avons c ce ceci cela ces cet cette ceux comme comment d dans de des
            donc dont du elle elles en es est et eu eux fait il ils j je l la le les leur leurs lui m ma mais me
            mes moi mon même n ne ni nos notre nous on ont ou où par parce pas peut plus pour pourquoi qu quand
            que quel quelle quelles quels qui quoi s sa sans se ses si son sont suis sur t ta te tes toi ton tu
            un une vos votre vous y ça été être
        """,
    }.items()
}
