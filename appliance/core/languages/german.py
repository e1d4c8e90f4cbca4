"""German. People are addressed as "du"; what is typed stays as it is typed."""

from __future__ import annotations

from appliance.core.model import Sentences

GERMAN: Sentences = {
    # numbers and times
    "{thousands},{rest}": "{thousands}.{rest}",
    "${whole}.{cents}": "{whole},{cents} $",
    "{seconds} s": "{seconds} s",
    "{minutes} min": "{minutes} min",
    "{minutes} min {seconds} s": "{minutes} min {seconds} s",
    "{hours} h {minutes} min": "{hours} h {minutes} min",
    "{duration} ago": "vor {duration}",
    "{before} or {next}": "{before} oder {next}",
    "{day} {month}": "{day}. {month}",
    "Jan": "Jan.",
    "Feb": "Feb.",
    "Mar": "März",
    "Apr": "Apr.",
    "May": "Mai",
    "Jun": "Juni",
    "Jul": "Juli",
    "Aug": "Aug.",
    "Sep": "Sept.",
    "Oct": "Okt.",
    "Nov": "Nov.",
    "Dec": "Dez.",
    # approvals
    "Approve": "Erlauben",
    "Deny": "Ablehnen",
    "Allow for this job": "Für diesen Auftrag erlauben",
    "May this run?": "Darf das laufen?",
    "job {job} · {project}": "Auftrag {job} · {project}",
    "in {directory}": "in {directory}",
    "for {user}": "für {user}",
    "by the agent, for {user}": "vom Agenten, für {user}",
    "rule ": "Regel ",
    "because of: {reason}": "wegen: {reason}",
    "because: {reason}": "Grund: {reason}",
    "needs a yes from {who}": "braucht ein Ja von {who}",
    "needs a yes from {count} people of {who}": "braucht ein Ja von {count} Leuten aus {who}",
    ", on {where}": ", über {where}",
    "{given} of {needed} so far: {names}": "bisher {given} von {needed}: {names}",
    "“Allow for this job” covers all of:": "„Für diesen Auftrag erlauben“ gilt für alles aus:",
    "for all like it in this job": "für alles Gleiche in diesem Auftrag",
    "Expired: nobody answered in time, so it did not run": (
        "Verfallen: niemand hat rechtzeitig geantwortet, darum lief es nicht"
    ),
    "Withdrawn: the job went on or ended without it": (
        "Zurückgezogen: der Auftrag ging ohne das weiter oder zu Ende"
    ),
    "Waiting": "Wartet",
    ": {user} said no to this, so it did not run:": (
        ": {user} hat nein gesagt, darum lief es nicht:"
    ),
    ": nobody approved this in time, so it did not run:": (
        ": niemand hat es rechtzeitig erlaubt, darum lief es nicht:"
    ),
    "There is no such question. Compare the id, or press its button.": (
        "So eine Frage gibt es nicht. Vergleiche die Kennung oder drück ihren Knopf."
    ),
    "This is no longer being asked. Nothing ran.": "Das wird nicht mehr gefragt. Es lief nichts.",
    "Already denied by {user}.": "Schon von {user} abgelehnt.",
    "Already approved by {user}.": "Schon von {user} erlaubt.",
    "Already approved by {user}, and it ran.": "Schon von {user} erlaubt, und es lief.",
    "This is still waiting.": "Das wartet noch.",
    "You may not answer this.": "Das darfst du nicht beantworten.",
    "You may not answer this. Ask {names}.": "Das darfst du nicht beantworten. Frag {names}.",
    "This may only be answered on {where}.": "Das kann man nur über {where} beantworten.",
    "Approved. Passing it on.": "Erlaubt. Wird weitergegeben.",
    "Noted, {so_far}. It still needs somebody else.": (
        "Notiert, {so_far}. Es braucht noch jemand anderen."
    ),
    "Denied.": "Abgelehnt.",
    # jobs
    "Job {job}": "Auftrag {job}",
    "is waiting": "wartet",
    "started": "läuft",
    "Starts when job {job} has succeeded.": "Beginnt, wenn Auftrag {job} gelungen ist.",
    "Starts after job {job}.": "Beginnt nach Auftrag {job}.",
    "Stop": "Anhalten",
    "Resume": "Fortsetzen",
    "Passed on to job {job}, which is running.": "An Auftrag {job} weitergegeben, der läuft.",
    "✓ done": "✓ fertig",
    "✗ failed": "✗ gescheitert",
    "✗ out of time": "✗ Zeit abgelaufen",
    "done": "fertig",
    "failed": "gescheitert",
    "out of time": "Zeit abgelaufen",
    "stopped": "angehalten",
    "interrupted": "unterbrochen",
    "refused": "abgelehnt",
    "expired": "verfallen",
    "not allowed": "nicht erlaubt",
    "received": "angekommen",
    "waiting for approval": "wartet auf Erlaubnis",
    "in line": "in der Schlange",
    "running": "läuft",
    ": refused ": ": abgelehnt: ",
    " was interrupted: {reason} while it ran. ": (
        " wurde unterbrochen: {reason}, während er lief. "
    ),
    "What it had done so far stays done.": "Was schon getan war, bleibt getan.",
    "The appliance is stopping. Job {job} gets a moment to finish.": (
        "Der Dienst hält an. Auftrag {job} bekommt einen Moment, um fertig zu werden."
    ),
    "Job {job} cannot be resumed. /jobs lists the latest ones.": (
        "Auftrag {job} lässt sich nicht fortsetzen. /jobs zeigt die letzten."
    ),
    "Stopping job {job}.": "Auftrag {job} wird angehalten.",
    "Nothing of yours is running here. /jobs lists the latest jobs.": (
        "Hier läuft nichts von dir. /jobs zeigt die letzten Aufträge."
    ),
    "There is no job {job} to wait for. /jobs lists the latest ones.": (
        "Es gibt keinen Auftrag {job}, auf den man warten könnte. /jobs zeigt die letzten."
    ),
    "No jobs yet. Write what to do, or /help.": (
        "Noch keine Aufträge. Schreib, was zu tun ist, oder /help."
    ),
    "Latest jobs": "Letzte Aufträge",
    "{possible} of {wanted} jobs at a time: the next one starts beside others when {size} MiB "
    "are free": (
        "{possible} von {wanted} Aufträgen zugleich: der nächste beginnt neben anderen, "
        "wenn {size} MiB frei sind"
    ),
    # the machine
    "Awake: ": "Wach: ",
    "Awake until {time}, for {duration}.": "Wach bis {time}, noch {duration}.",
    "⚠ This machine has trouble with that: {trouble}": (
        "⚠ Dieser Rechner hat damit Schwierigkeiten: {trouble}"
    ),
    "Ended. The machine may sleep.": "Beendet. Der Rechner darf schlafen.",
    "Ended. The machine stays awake for {jobs}.": "Beendet. Der Rechner bleibt wach für {jobs}.",
    "That is {duration}; at most {hours} hours at a time can be asked for. "
    "Write: /awake {hours}h": (
        "Das sind {duration}; höchstens {hours} Stunden auf einmal sind möglich. "
        "Schreib: /awake {hours}h"
    ),
    "This machine is not kept awake by us: [awake] enabled is false in dispatch.toml.": (
        "Wir halten diesen Rechner nicht wach: [awake] enabled ist false in dispatch.toml."
    ),
    "Battery at {percent} %": "Akku bei {percent} %",
    ": the machine may fall asleep now. ": ": der Rechner darf jetzt einschlafen. ",
    ": the machine may fall asleep now, with {jobs} unfinished. ": (
        ": der Rechner darf jetzt einschlafen, unfertig: {jobs}. "
    ),
    "Plug it in, and it is kept awake again.": "Am Stromnetz bleibt er wieder wach.",
    "job {numbers}": "Auftrag {numbers}",
    "jobs {numbers}": "Aufträge {numbers}",
    "jobs {numbers} and {more} more": "Aufträge {numbers} und {more} weitere",
    "Told {host} to wake up. It does not answer that; give it a minute.": (
        "{host} ist geweckt. Darauf antwortet er nicht; gib ihm eine Minute."
    ),
    "{host} was not told to wake up: {problem}.": "{host} ließ sich nicht wecken: {problem}.",
    "There is no host to wake: none is in dispatch.toml ([hosts.NAME]).": (
        "Es gibt keinen Rechner zu wecken: in dispatch.toml steht keiner ([hosts.NAME])."
    ),
    "There is no host called “{name}”. There is: {known}.": (
        "Es gibt keinen Rechner namens „{name}“. Es gibt: {known}."
    ),
    # policy and requests
    "Policy · new rules hold": "Regeln · die neuen gelten",
    "{count} rule": "{count} Regel",
    "{count} rules": "{count} Regeln",
    "Nobody may do more or less than before.": "Niemand darf mehr oder weniger als zuvor.",
    "Policy · your edit does not hold": "Regeln · deine Änderung gilt nicht",
    "The rules before it stay: {fingerprint}. Once mended it is taken over.": (
        "Die Regeln davor bleiben: {fingerprint}. Ist sie berichtigt, wird sie übernommen."
    ),
    "Policy · the files are again what holds: {fingerprint}.": (
        "Regeln · in den Dateien steht wieder, was gilt: {fingerprint}."
    ),
    "and {more} more: dispatchctl policy check": "und {more} weitere: dispatchctl policy check",
    "Not allowed: {reason}": "Nicht erlaubt: {reason}",
    "Rule: ": "Regel: ",
    "Rule ": "Regel ",
    "/why tells more": "/why erklärt mehr",
    "Nothing was refused here so far.": "Hier wurde bisher nichts abgelehnt.",
    "Refused ": "Abgelehnt ",
    "{duration} ago, for {user}": "vor {duration}, für {user}",
    "What would allow it": "Was es erlauben würde",
    "By the rules as they are now it is not refused.": (
        "Nach den Regeln, wie sie jetzt sind, wird es nicht abgelehnt."
    ),
    "Nothing was done: the audit log cannot be written ({reason}). "
    "Look at the host: dispatchctl doctor": (
        "Es ist nichts geschehen: das Protokoll lässt sich nicht schreiben ({reason}). "
        "Sieh auf dem Rechner nach: dispatchctl doctor"
    ),
    "Nothing was done: rule {rule} asks for an approval, and only tasks and recipes can wait for "
    "one.": (
        "Es ist nichts geschehen: Regel {rule} verlangt eine Erlaubnis, "
        "und nur Aufgaben und Rezepte können darauf warten."
    ),
    # projects
    "Project: ": "Projekt: ",
    "none chosen": "keines gewählt",
    "Project is now ": "Das Projekt ist jetzt ",
    "There is no project called “{name}”. /project lists them.": (
        "Es gibt kein Projekt namens „{name}“. /project zeigt sie."
    ),
    "There is no project called “{name}”. Did you mean {near}?": (
        "Es gibt kein Projekt namens „{name}“. Meinst du {near}?"
    ),
    "Choose a project first: /project": "Wähl zuerst ein Projekt: /project",
    # the audit log
    "Audit checkpoint": "Prüfpunkt des Protokolls",
    "{count} record": "{count} Eintrag",
    "{count} records": "{count} Einträge",
    "Keep this message: it shows if one of them is ever changed or removed.": (
        "Behalte diese Nachricht: sie zeigt, wenn je einer davon geändert oder entfernt wird."
    ),
    "Audit log": "Protokoll",
    "its public key": "sein öffentlicher Schlüssel",
    "Keep this message: a log that did not begin with this key is not ours.": (
        "Behalte diese Nachricht: ein Protokoll, das nicht mit diesem Schlüssel begann, "
        "ist nicht unseres."
    ),
    # help
    "What you may do here": "Was du hier darfst",
    "Just write what to do, or use:": "Schreib einfach, was zu tun ist, oder nimm:",
    "start a new task (--after JOB waits for one)": (
        "eine neue Aufgabe beginnen (--after JOB wartet auf einen Auftrag)"
    ),
    "ask without project files or shell": "fragen, ohne Projektdateien und ohne Shell",
    "take a task from workspace to project, or back": (
        "eine Aufgabe vom Arbeitsplatz ins Projekt nehmen, oder zurück"
    ),
    "Move which job? Write: /move JOB": "Welchen Auftrag verschieben? Schreib: /move AUFTRAG",
    "There is no task of yours to move. /jobs lists the latest.": (
        "Da ist keine Aufgabe von dir zum Verschieben. /jobs zeigt die letzten."
    ),
    "Move to the project": "Ins Projekt",
    "Just answer it": "Nur beantworten",
    "what runs, and how the machine is": "was läuft, und wie es dem Rechner geht",
    "the latest jobs": "die letzten Aufträge",
    "stop the running job": "den laufenden Auftrag anhalten",
    "continue an interrupted job": "einen unterbrochenen Auftrag fortsetzen",
    "let a held step run (ID job: all like it in the job)": (
        "einen angehaltenen Schritt erlauben (ID job: alle gleichen im Auftrag)"
    ),
    "refuse a held step": "einen angehaltenen Schritt ablehnen",
    "show or switch the project": "das Projekt zeigen oder wechseln",
    "forget the conversation so far": "das Gespräch bis hierher vergessen",
    "keep this machine awake (or: until 18:00, off)": (
        "diesen Rechner wach halten (oder: until 18:00, off)"
    ),
    "wake another machine": "einen anderen Rechner wecken",
    "explain the last refusal here": "die letzte Ablehnung hier erklären",
    "this list": "diese Liste",
    # what cannot be read
    "There is nothing in that I can read. Write what to do, or /help.": (
        "Darin ist nichts, was ich lesen kann. Schreib, was zu tun ist, oder /help."
    ),
    "This button is not known any more.": "Diesen Knopf kenne ich nicht mehr.",
    "That is {count} characters; a task may have {limit}. Put the long part into a file of the "
    "project and name it.": (
        "Das sind {count} Zeichen; eine Aufgabe darf {limit} haben. "
        "Leg den langen Teil in eine Datei des Projekts und nenn sie."
    ),
    "Run what? Write: /run TASK": "Was soll laufen? Schreib: /run AUFGABE",
    "/run takes a task or a recipe.": "/run nimmt eine Aufgabe oder ein Rezept.",
    "--after wants a job's number, as in: /run --after 12 TASK": (
        "--after will die Nummer eines Auftrags, etwa: /run --after 12 AUFGABE"
    ),
    "Ask what? Write: /ask QUESTION": "Was fragen? Schreib: /ask FRAGE",
    "Resume which job? Write: /resume JOB": "Welchen Auftrag fortsetzen? Schreib: /resume NUMMER",
    "No job called {name}. Write: /stop or /stop 12": (
        "Keinen Auftrag namens {name}. Schreib: /stop oder /stop 12"
    ),
    "/{word} wants the id that the question shows: /{word} k7m2p9qd": (
        "/{word} will die Kennung, die bei der Frage steht: /{word} k7m2p9qd"
    ),
    "How long? Write: /awake 8h, /awake until 18:00 or /awake off": (
        "Wie lange? Schreib: /awake 8h, /awake until 18:00 oder /awake off"
    ),
    "Wake which machine? Write: /wake HOST, by its name in dispatch.toml": (
        "Welchen Rechner wecken? Schreib: /wake NAME, mit seinem Namen aus dispatch.toml"
    ),
    "There is no command /{word}. /help lists what you may do.": (
        "Es gibt keinen Befehl /{word}. /help zeigt, was du darfst."
    ),
    "There is no command /{word}. Did you mean /{near}?": (
        "Es gibt keinen Befehl /{word}. Meinst du /{near}?"
    ),
    "/{word} needs one of: {names}": "/{word} braucht eines von: {names}",
    "/{recipe} needs {parameter}: {expectation}.": "/{recipe} braucht {parameter}: {expectation}.",
    "/{recipe} does not know what to do with {word}.": (
        "/{recipe} weiß mit {word} nichts anzufangen."
    ),
    "{said} will not do for {parameter} of /{recipe}: it must be {expectation}.": (
        "{said} passt nicht für {parameter} von /{recipe}: nötig ist {expectation}."
    ),
    "one of {choices}": "eines von {choices}",
    "a number from 1 to {largest}": "eine Zahl von 1 bis {largest}",
    "one word of letters, digits and . _ - that does not start with -": (
        "ein Wort aus Buchstaben, Ziffern und . _ -, das nicht mit - beginnt"
    ),
    "a branch, tag or commit, such as main or HEAD~1": (
        "ein Zweig, Tag oder Commit, etwa main oder HEAD~1"
    ),
    "a path inside the project, such as src/app.py": "ein Pfad im Projekt, etwa src/app.py",
    "a line of text of at most {limit} characters, not starting with -": (
        "eine Zeile Text von höchstens {limit} Zeichen, die nicht mit - beginnt"
    ),
    # /status
    "up {duration}": "läuft seit {duration}",
    "running {running} of {possible}, queued {queued}": (
        "{running} von {possible} laufen, {queued} warten"
    ),
    "isolation: {isolation}": "Abschottung: {isolation}",
    "agent": "Agent",
    "memory": "Speicher",
    "policy": "Regeln",
    "policy trouble": "Ärger mit den Regeln",
    "wall": "Wand",
    "audit log": "Protokoll",
    "anchors": "Anker",
    "anchor trouble": "Ärger mit den Ankern",
    "awake": "wach",
    "trouble staying awake": "Ärger beim Wachbleiben",
    "disk": "Platte",
    "strangers": "Fremde",
    "switched off": "ausgeschaltet",
    "the machine may sleep": "der Rechner darf schlafen",
    # pairing
    "work in this group or topic (group: in all of it)": (
        "in dieser Gruppe oder diesem Thema arbeiten (group: in der ganzen)"
    ),
    "no longer hear this account, or this group": (
        "nicht mehr auf dieses Konto oder diese Gruppe hören"
    ),
    "You are paired as {user} on host {host}.": (
        "Du bist auf dem Rechner {host} als {user} gekoppelt."
    ),
    "Write what to do, as you would to a colleague, or try it first.": (
        "Schreib, was zu tun ist, wie einem Kollegen, oder probier es erst aus."
    ),
    "/help shows what you may do. /unpair ends it.": (
        "/help zeigt, was du darfst. /unpair beendet es."
    ),
    "Try it: /{words}": "Ausprobieren: /{words}",
    "Try it: /help": "Ausprobieren: /help",
    "{why} Ask at the host for a new one: dispatchctl pair NAME": (
        "{why} Am Rechner gibt es einen neuen: dispatchctl pair NAME"
    ),
    "This code has been used.": "Dieser Code ist schon benutzt worden.",
    "This code was blocked after too many wrong ones.": (
        "Dieser Code wurde nach zu vielen falschen gesperrt."
    ),
    "This code was blocked, because it was written in a group.": (
        "Dieser Code wurde gesperrt, weil er in einer Gruppe stand."
    ),
    "This code was taken back.": "Dieser Code wurde zurückgenommen.",
    "This code has expired.": "Dieser Code ist abgelaufen.",
    "There is no {user} on this host any more.": "{user} gibt es auf diesem Rechner nicht mehr.",
    "This account is paired as {user}, and one account is one person. End that first: /unpair": (
        "Dieses Konto ist als {user} gekoppelt, und ein Konto ist eine Person. "
        "Beende das zuerst: /unpair"
    ),
    "You were not paired: the audit log cannot be written ({reason}). Look at the host: "
    "dispatchctl doctor": (
        "Du wurdest nicht gekoppelt: das Protokoll kann nicht geschrieben werden ({reason}). "
        "Sieh am Rechner nach: dispatchctl doctor"
    ),
    "From then on I do not hear this account any more. ": (
        "Von da an höre ich nicht mehr auf dieses Konto. "
    ),
    "To come back, {user} needs a new code from the host.": (
        "Um wiederzukommen, braucht {user} einen neuen Code vom Rechner."
    ),
    "Unpair this account": "Dieses Konto abkoppeln",
    "This account is no longer paired as {user}. Goodbye.": (
        "Dieses Konto ist nicht mehr als {user} gekoppelt. Auf Wiedersehen."
    ),
    "This account ({account}) stands in dispatch.toml, so only there it can be taken out.": (
        "Dieses Konto ({account}) steht in dispatch.toml, nur dort kann es gestrichen werden."
    ),
    "Only Telegram accounts are paired, and this is none: nothing to end.": (
        "Nur Konten bei Telegram werden gekoppelt, und dies ist keins: nichts zu beenden."
    ),
    "I do not work in this group yet. An owner can change that: /pair": (
        "In dieser Gruppe arbeite ich noch nicht. Ein Besitzer kann das ändern: /pair"
    ),
    "From now on I work in this topic, for everybody whom I know ({user} said so).": (
        "Von jetzt an arbeite ich in diesem Thema, für alle, die ich kenne ({user} will es so)."
    ),
    "From now on I work in this group, for everybody whom I know ({user} said so).": (
        "Von jetzt an arbeite ich in dieser Gruppe, für alle, die ich kenne ({user} will es so)."
    ),
    "I do not work in this topic any more, and say nothing more here.": (
        "In diesem Thema arbeite ich nicht mehr und sage hier nichts mehr."
    ),
    "I do not work in this group any more, and say nothing more here.": (
        "In dieser Gruppe arbeite ich nicht mehr und sage hier nichts mehr."
    ),
    "The whole group is paired, not this topic. To end that, write: /unpair group": (
        "Die ganze Gruppe ist gekoppelt, nicht dieses Thema. Um das zu beenden: /unpair group"
    ),
    "I do not work here anyway.": "Hier arbeite ich ohnehin nicht.",
    "/pair is for groups. A new account is paired at the host: dispatchctl pair NAME": (
        "/pair ist für Gruppen. Ein neues Konto wird am Rechner gekoppelt: dispatchctl pair NAME"
    ),
    "Hand work to the coding agent on {host}: write what to do, watch it, approve what matters. "
    "Only people who are paired on that host are heard.": (
        "Gib dem Coding-Agenten auf {host} Arbeit: schreib, was zu tun ist, sieh zu, erlaube, "
        "worauf es ankommt. Gehört wird nur, wer auf dem Rechner gekoppelt ist."
    ),
    "The coding agent on {host}": "Der Coding-Agent auf {host}",
    # files and speech
    "That is {count} files; a task may have {most}.": (
        "Das sind {count} Dateien; ein Auftrag darf {most} haben."
    ),
    "{name} has {size}; {most} is the most that can be taken here. "
    "Put it into the project on the host instead, or send a part of it.": (
        "{name} hat {size}; höchstens {most} können hier angenommen werden. "
        "Leg sie auf dem Rechner ins Projekt, oder schick einen Teil davon."
    ),
    "{name} is not taken; these types are: {types}.": (
        "{name} wird nicht angenommen; angenommen werden: {types}."
    ),
    "What shall be done with this?": "Was soll damit geschehen?",
    "Your next message here says it, within {minutes} minutes.": (
        "Deine nächste Nachricht hier sagt es, innerhalb von {minutes} Minuten."
    ),
    "Look at it": "Ansehen",
    "Forget it": "Vergessen",
    "No files wait here any more. Send them again.": (
        "Hier warten keine Dateien mehr. Schick sie noch einmal."
    ),
    "Forgotten; nothing was fetched.": "Vergessen; nichts wurde geholt.",
    "{command} takes no files. Send them with a task in words, or /run TASK, as the caption.": (
        "{command} nimmt keine Dateien. Schick sie mit einem Auftrag in Worten, oder /run TASK, "
        "als Bildunterschrift."
    ),
    "I do not understand stickers. Write what to do, or /help.": (
        "Sticker verstehe ich nicht. Schreib, was zu tun ist, oder /help."
    ),
    "I cannot do anything with a place. Write it as text, if it matters.": (
        "Mit einem Ort kann ich nichts anfangen. Schreib ihn als Text, wenn er wichtig ist."
    ),
    "I keep no contacts. Write as text what I should know of it.": (
        "Kontakte bewahre ich nicht auf. Schreib als Text, was ich davon wissen soll."
    ),
    "I do not vote. Write what to do, or /help.": (
        "Ich stimme nicht ab. Schreib, was zu tun ist, oder /help."
    ),
    "I do not play dice. Write what to do, or /help.": (
        "Ich würfle nicht. Schreib, was zu tun ist, oder /help."
    ),
    "I do not play games. Write what to do, or /help.": (
        "Ich spiele keine Spiele. Schreib, was zu tun ist, oder /help."
    ),
    "I cannot open stories. Send the picture itself, with a word about it.": (
        "Storys kann ich nicht öffnen. Schick das Bild selbst, mit einem Wort dazu."
    ),
    "I cannot read checklists. Send the list as text.": (
        "Checklisten kann ich nicht lesen. Schick die Liste als Text."
    ),
    "I cannot open paid media. Send the file itself.": (
        "Bezahlte Medien kann ich nicht öffnen. Schick die Datei selbst."
    ),
    "I cannot listen on this machine: it needs dispatch-appliance[voice] and a model, "
    "in [voice] of dispatch.toml. Write it as text.": (
        "Auf diesem Rechner kann ich nicht zuhören: er braucht dispatch-appliance[voice] und ein "
        "Modell, in [voice] von dispatch.toml. Schreib es als Text."
    ),
    "That is longer than a minute. Say less, or write it.": (
        "Das ist länger als eine Minute. Sag weniger, oder schreib es."
    ),
    "That is longer than {count} minutes. Say less, or write it.": (
        "Das ist länger als {count} Minuten. Sag weniger, oder schreib es."
    ),
    "Listening …": "Ich höre zu …",
    "I understood:": "Verstanden habe ich:",
    "Press, or write it better.": "Drück, oder schreib es besser.",
    "Run it": "Ausführen",
    "Discard": "Verwerfen",
    "I understood no words. Say it again, or write it.": (
        "Ich habe keine Worte verstanden. Sag es noch einmal, oder schreib es."
    ),
    "I could not listen to that: {reason}. Write it as text.": (
        "Das konnte ich nicht anhören: {reason}. Schreib es als Text."
    ),
    "That is not there any more. Say it again.": "Das ist nicht mehr da. Sag es noch einmal.",
    "Discarded.": "Verworfen.",
    "✓ Being run:": "✓ Wird ausgeführt:",
    "This file is in the project:": "Diese Datei ist im Projekt:",
    "These files are in the project:": "Diese Dateien sind im Projekt:",
    "On its way.": "Ist unterwegs.",
    "That file is not to be had from here any more.": "Diese Datei gibt es von hier nicht mehr.",
    "{name} is not sent: {reason}": "{name} wird nicht geschickt: {reason}",
    "there is no such file in the project.": "eine solche Datei gibt es im Projekt nicht.",
    "it cannot be read.": "sie ist nicht zu lesen.",
    "it cannot be read: {reason}.": "sie ist nicht zu lesen: {reason}.",
    "it has more than {most} MB.": "sie hat mehr als {most} MB.",
    "the same file has another name, too. Copy it first.": (
        "dieselbe Datei hat noch einen anderen Namen. Kopier sie erst."
    ),
    "it is empty, or cannot be read.": "sie ist leer oder nicht zu lesen.",
    "it leads out of the project.": "sie führt aus dem Projekt hinaus.",
    "there is something like a password or a key in it.": (
        "darin steht etwas wie ein Passwort oder ein Schlüssel."
    ),
    "reading it took too long.": "sie zu lesen hat zu lange gedauert.",
    "Send which file? Write: /send PATH, as seen from the project": (
        "Welche Datei schicken? Schreib: /send PATH, vom Projekt aus gesehen"
    ),
    "send a file of the project here": "eine Datei des Projekts hierher schicken",
    # looking after the appliance
    "who there is, and what they may": "wer da ist und was sie dürfen",
    "propose that somebody may more": "vorschlagen, dass jemand mehr darf",
    "propose that somebody may less": "vorschlagen, dass jemand weniger darf",
    "what happened last": "was zuletzt geschah",
    "stop and refuse everything": "alles anhalten und ablehnen",
    "Write who and what: /grant bob developer, /grant bob /deploy staging in demo, or "
    "/grant bob demo": (
        "Schreib, wer und was: /grant bob developer, /grant bob /deploy staging in demo oder "
        "/grant bob demo"
    ),
    "Write who and what: /revoke bob developer, /revoke bob /deploy staging in demo, or "
    "/revoke bob demo": (
        "Schreib, wer und was: /revoke bob developer, /revoke bob /deploy staging in demo oder "
        "/revoke bob demo"
    ),
    "Write /audit, or /audit with a user, a job's number or: today": (
        "Schreib /audit, oder /audit mit einem Namen, der Nummer eines Auftrags oder: today"
    ),
    "Only the host lifts a lockdown: dispatchctl lockdown lift": (
        "Nur der Rechner hebt eine Sperre auf: dispatchctl lockdown lift"
    ),
    "Locked down by {user} at {time}: nothing is done until the host lifts it.": (
        "Gesperrt von {user} um {time}: nichts geschieht, bis der Rechner es aufhebt."
    ),
    "Locked down by {user} at {time} ({why}): nothing is done until the host lifts it.": (
        "Gesperrt von {user} um {time} ({why}): nichts geschieht, bis der Rechner es aufhebt."
    ),
    "Nothing was proposed: only people can change who may do what.": (
        "Nichts wurde vorgeschlagen: nur Menschen können ändern, wer was darf."
    ),
    "Nothing was proposed: {limit} proposals wait for an answer already.": (
        "Nichts wurde vorgeschlagen: {limit} Vorschläge warten schon auf Antwort."
    ),
    "Nothing changes before you confirm it.": "Nichts ändert sich, bevor du es bestätigst.",
    "Nothing changes before {others} confirms it.": (
        "Nichts ändert sich, bevor {others} es bestätigt."
    ),
    "Or on the host: ": "Oder am Rechner: ",
    "Nobody else may confirm it here. On the host: ": (
        "Hier darf es sonst niemand bestätigen. Am Rechner: "
    ),
    "On the host: ": "Am Rechner: ",
    "Proposal": "Vorschlag",
    " by {user}: ": " von {user}: ",
    "It means:": "Das heißt:",
    "and {count} more: dispatchctl policy proposals": (
        "und {count} weitere: dispatchctl policy proposals"
    ),
    "Until {time} · policy {policy} · {digest}": "Bis {time} · Regeln {policy} · {digest}",
    "Confirm": "Bestätigen",
    "Refuse": "Ablehnen",
    "Not proposed. ": "Nicht vorgeschlagen. ",
    "There is no such proposal any more.": "Diesen Vorschlag gibt es nicht mehr.",
    "You proposed this yourself: somebody else confirms it, or the host: {command}": (
        "Das hast du selbst vorgeschlagen: jemand anderes bestätigt es, oder der Rechner: {command}"
    ),
    "Nothing was done: this proposal is not what was recorded. Look at the log.": (
        "Nichts wurde getan: dieser Vorschlag ist nicht der aufgezeichnete. Sieh ins Protokoll."
    ),
    "Not now: the policy files have a mistake. The host must mend it: /status": (
        "Jetzt nicht: die Regeln haben einen Fehler. Am Rechner ist er zu beheben: /status"
    ),
    "The policy was changed meanwhile, so it is asked again, with what it means now.": (
        "Die Regeln wurden inzwischen geändert, darum wird neu gefragt: was es jetzt heißt."
    ),
    "confirmed by {user}. It holds now.": "von {user} bestätigt. Es gilt jetzt.",
    "refused by {user}: {reason}": "von {user} abgelehnt: {reason}",
    "refused by {user}. Nothing was changed.": "von {user} abgelehnt. Nichts wurde geändert.",
    "nobody confirmed it in time. Nothing was changed.": (
        "niemand hat es rechtzeitig bestätigt. Nichts wurde geändert."
    ),
    "the policy was changed meanwhile; it is asked again.": (
        "die Regeln wurden inzwischen geändert; es wird neu gefragt."
    ),
    "nothing was changed: {reason}": "nichts wurde geändert: {reason}",
    "waits for an answer.": "wartet auf Antwort.",
    "Lock down?": "Sperren?",
    "Every job is interrupted, every command and tool call is refused, until somebody at the "
    "host lifts it.": (
        "Jeder Auftrag wird unterbrochen, jeder Befehl und jeder Schritt abgelehnt, bis jemand am "
        "Rechner es aufhebt."
    ),
    "Lock down now": "Jetzt sperren",
    "That was asked too long ago. Once more: /lockdown": (
        "Das ist zu lange her. Noch einmal: /lockdown"
    ),
    "Locked down": "Gesperrt",
    " by {user}.": " von {user}.",
    "Jobs are interrupted, everything is refused. /status and /audit still answer you.": (
        "Aufträge sind unterbrochen, alles wird abgelehnt. /status und /audit antworten dir noch."
    ),
    "Everything is stopped.": "Alles ist angehalten.",
    "Lockdown lifted": "Sperre aufgehoben",
    " by {user}, at the host.": " von {user}, am Rechner.",
    "What waited goes on; /resume takes up what was interrupted.": (
        "Was wartete, geht weiter; /resume nimmt auf, was unterbrochen wurde."
    ),
    "Log": "Protokoll",
    " · signed ✓": " · unterschrieben ✓",
    "{count} kept elsewhere, {age}": "{count} anderswo aufbewahrt, {age}",
    "⚠ no checkpoint is kept elsewhere": "⚠ kein Prüfpunkt ist anderswo aufbewahrt",
    "Nothing like that among the records looked at.": (
        "Nichts dergleichen unter den durchgesehenen Einträgen."
    ),
    "Earlier": "Früher",
    "⚠ The log cannot be shown: ": "⚠ Das Protokoll kann nicht gezeigt werden: ",
    "{count} user": "{count} Person",
    "{count} users": "{count} Personen",
    "{count} account": "{count} Konto",
    "{count} accounts": "{count} Konten",
    " · no role": " · keine Rolle",
    " · automation": " · Automat",
    "and {count} more: dispatchctl users list": "und {count} weitere: dispatchctl users list",
    "never seen": "nie gesehen",
    "here now": "gerade da",
    "free disk": "freier Platz",
    "lockdown": "Sperre",
    " · all well": " · alles gut",
    "⚠ the agent runs unprotected, as this user": (
        "⚠ der Agent läuft ungeschützt, als dieser Benutzer"
    ),
    "More": "Mehr",
    # conversations
    "a task for when that job has succeeded": "eine Aufgabe, sobald jener Auftrag gelungen ist",
    "what waits, and why": "was wartet, und worauf",
    "what happened in a job": "was in einem Auftrag geschah",
    "the same task again": "dieselbe Aufgabe noch einmal",
    "earlier conversations here, to go on with": "frühere Gespräche hier, zum Fortsetzen",
    "After which job, and what? Write: /after JOB TASK": (
        "Nach welchem Auftrag, und was? Schreib: /after AUFTRAG AUFGABE"
    ),
    "No job called {name}. /jobs lists them.": "Kein Auftrag {name}. /jobs zeigt sie.",
    "… and {count} more": "… und {count} weitere",
    "Stop {job}": "{job} anhalten",
    "Log of {job}": "Verlauf von {job}",
    "page {page} of {count}": "Seite {page} von {count}",
    "◀ Back": "◀ Zurück",
    "More ▶": "Weiter ▶",
    "until job {job} has ended": "bis Auftrag {job} zu Ende ist",
    "until job {job} has succeeded": "bis Auftrag {job} gelungen ist",
    "until enough memory is free": "bis genug Speicher frei ist",
    "for a yes of {who}": "auf ein Ja von {who}",
    "for a yes or no": "auf ein Ja oder Nein",
    "starts in a moment": "beginnt gleich",
    "Which job? /jobs lists the latest ones; write: /log JOB": (
        "Welcher Auftrag? /jobs zeigt die letzten; schreib: /log AUFTRAG"
    ),
    "did": "tat",
    "was refused": "durfte nicht",
    "heard": "hörte",
    "Nothing waits.": "Nichts wartet.",
    "Cancel {job}": "{job} streichen",
    "… {count} earlier": "… {count} davor",
    "asked for by {user}": "aufgetragen von {user}",
    "waits for a yes to": "wartet auf ein Ja zu",
    "{user} allowed": "{user} erlaubte",
    "{user} said no to": "{user} lehnte ab:",
    "nobody answered about": "niemand antwortete zu",
    "no longer asked about": "nicht mehr gefragt:",
    "All of it": "Alles",
    "Try again": "Noch einmal",
    "Forgotten. The next message starts afresh; /sessions lists the earlier ones.": (
        "Vergessen. Die nächste Nachricht beginnt neu; /sessions zeigt die früheren."
    ),
    "Earlier here in {project}": "Früher hier in {project}",
    "Go on: {title}": "Weiter: {title}",
    "The next message goes on from job {job}.": "Die nächste Nachricht setzt Auftrag {job} fort.",
    "There is no such session here. /sessions lists them.": (
        "So ein Gespräch gibt es hier nicht. /sessions zeigt sie."
    ),
    "That message has no session to go on with, so this starts afresh.": (
        "Zu jener Nachricht gibt es kein Gespräch, darum beginnt dies neu."
    ),
    "Job {job} takes nothing more, so this is a job of its own.": (
        "Auftrag {job} nimmt nichts mehr an, darum ist dies ein eigener."
    ),
    "Job {job} has the changed text.": "Auftrag {job} hat den geänderten Text.",
    "Job {job} has already started. Send the change as a new message, and it hears of it.": (
        "Auftrag {job} hat schon begonnen. Schick die Änderung als neue Nachricht, dann hört er es."
    ),
    "Job {job} will not start: its message is no task any more.": (
        "Auftrag {job} beginnt nicht: seine Nachricht ist keine Aufgabe mehr."
    ),
    "Nothing to go on with here yet in {project}.": "Noch nichts fortzusetzen hier in {project}.",
    "That is done already. Send the change as a new message.": (
        "Das ist schon geschehen. Schick die Änderung als neue Nachricht."
    ),
    "Job {job} has ended. Send the change as a new message.": (
        "Auftrag {job} ist zu Ende. Schick die Änderung als neue Nachricht."
    ),
    "{count} job": "{count} Auftrag",
    "{count} jobs": "{count} Aufträge",
    "now": "jetzt",
    "Job {job} ended before it had read your last message; it is worked on now.": (
        "Auftrag {job} endete, bevor er deine letzte Nachricht las; sie kommt jetzt dran."
    ),
    "Job {job} ended before it had read your last {count} messages; they are worked on now.": (
        "Auftrag {job} endete, bevor er deine letzten {count} Nachrichten las; "
        "sie kommen jetzt dran."
    ),
    "Here it is.": "Hier, bitte.",
    "See below.": "Siehe unten.",
    "There is nothing to try again here. /jobs lists the latest.": (
        "Hier ist nichts noch einmal zu versuchen. /jobs zeigt die letzten."
    ),
    "Job {job} has not ended yet.": "Auftrag {job} ist noch nicht zu Ende.",
    # approving, and what agents ask
    "May this plan be carried out?": "Darf dieser Plan ausgeführt werden?",
    "until {time} ({duration}) · id {id}": "bis {time} ({duration}) · Kennung {id}",
    "{day}, {time}": "{day}, {time}",
    "Deny with a reason": "Ablehnen mit Grund",
    "All {count} characters are in the file.": "Alle {count} Zeichen stehen in der Datei.",
    "the agent says: “{why}”": "der Agent sagt: „{why}“",
    "who may answer: {names}": "antworten darf: {names}",
    "{names} and {count} more": "{names} und {count} weitere",
    "It has been asked again.": "Es wurde noch einmal gefragt.",
    "✓ Allowed by {user} at {time}": "✓ Erlaubt von {user} um {time}",
    "Approved by {user} at {time}, being passed on": (
        "Erlaubt von {user} um {time}, wird weitergegeben"
    ),
    "✗ Denied by {user} at {time}": "✗ Abgelehnt von {user} um {time}",
    "{user} can ask for it again.": "{user} kann noch einmal fragen.",
    "Too late: this has expired, and nothing ran. “Ask again” asks anew.": (
        "Zu spät: das ist verfallen, und es lief nichts. „Noch einmal fragen“ fragt neu."
    ),
    "Ask again": "Noch einmal fragen",
    "Asking again.": "Wird noch einmal gefragt.",
    "Details": "Einzelheiten",
    "asked at {time}, until {until}": "gefragt um {time}, bis {until}",
    "task:": "Aufgabe:",
    "rule {rule}:": "Regel {rule}:",
    "the whole input:": "die ganze Eingabe:",
    "in the file": "in der Datei",
    "Nothing else in this job was allowed by it.": (
        "Sonst hat sie in diesem Auftrag nichts erlaubt."
    ),
    "Also allowed by it in this job:": "Auch von ihr in diesem Auftrag erlaubt:",
    "and {count} more before": "und {count} weitere davor",
    "Why not?": "Warum nicht?",
    "Reply to this message, or to the question, with the reason.": (
        "Antworte auf diese Nachricht oder auf die Frage mit dem Grund."
    ),
    "Or write: ": "Oder schreib: ",
    "Until then nothing is decided.": "Bis dahin ist nichts entschieden.",
    "Say why below.": "Sag unten, warum.",
    "That button belongs to another question. Nothing was answered.": (
        "Dieser Knopf gehört zu einer anderen Frage. Nichts wurde beantwortet."
    ),
    "There is no such question, or it is not yours to look at.": (
        "So eine Frage gibt es nicht, oder sie geht dich nichts an."
    ),
    "Only what nobody answered in time can be asked again.": (
        "Noch einmal fragen kann man nur, was niemand rechtzeitig beantwortet hat."
    ),
    "It has been asked again already.": "Es wurde schon noch einmal gefragt.",
    "You wrote something instead of:": "Du hast etwas geschrieben, statt:",
    "It may not have read this:": "Das hat er vielleicht nicht gelesen:",
    "“Resume” tells it once more.": "„Fortsetzen“ sagt es ihm noch einmal.",
    "There is no such question, or it is not yours to ask again.": (
        "Diese Frage gibt es nicht, oder du darfst sie nicht noch einmal stellen."
    ),
    "Its session cannot be taken up again. Send the task once more.": (
        "Diese Sitzung lässt sich nicht fortsetzen. Schick die Aufgabe noch einmal."
    ),
    "The agent asks": "Der Agent fragt",
    "Done": "Fertig",
    "Choose any number, then press Done.": "Wähle beliebig viele, dann drück Fertig.",
    "Or reply to this message in your own words.": (
        "Oder antworte auf diese Nachricht mit eigenen Worten."
    ),
    "until {time} · id {id}": "bis {time} · Kennung {id}",
    "✓ Answered by {user} at {time}": "✓ Beantwortet von {user} um {time}",
    "Nobody answered in time; the agent went on without an answer": (
        "Niemand hat rechtzeitig geantwortet; der Agent hat ohne Antwort weitergemacht"
    ),
    "Withdrawn: the job went on or ended without an answer": (
        "Zurückgezogen: der Auftrag ging ohne Antwort weiter oder zu Ende"
    ),
    "Passed on to the agent.": "An den Agenten weitergegeben.",
    "Noted. Press Done when it is complete.": "Notiert. Drück Fertig, wenn es vollständig ist.",
    "Choose something first, or reply in your own words.": (
        "Wähle erst etwas aus oder antworte mit eigenen Worten."
    ),
    "Already answered by {user}.": "Schon von {user} beantwortet.",
    "Too late: the agent went on without an answer.": (
        "Zu spät: der Agent hat ohne Antwort weitergemacht."
    ),
    "This is no longer being asked.": "Das wird nicht mehr gefragt.",
    "a plan first, done once you approve it": "erst ein Plan; ausgeführt, wenn du ihn erlaubst",
    "all about a held step": "alles über einen angehaltenen Schritt",
    "ask again for what nobody approved in time": (
        "noch einmal fragen, was niemand rechtzeitig erlaubt hat"
    ),
    "answer what the agent asks: 2, or 1,3, or words": (
        "beantworten, was der Agent fragt: 2, oder 1,3, oder Worte"
    ),
    "Answer which question? Write: /answer ID WORDS": (
        "Welche Frage beantworten? Schreib: /answer ID WORTE"
    ),
    "Plan what? Write: /plan TASK": "Was planen? Schreib: /plan AUFGABE",
    "Ask for a change": "Änderung verlangen",
    # watching
    "is running": "läuft",
    "waits for an answer": "wartet auf eine Antwort",
    "thinking": "denkt nach",
    "{count} step": "{count} Schritt",
    "{count} steps": "{count} Schritte",
    "{count} tokens": "{count} Token",
    "{count} file changed": "{count} Datei geändert",
    "{count} files changed": "{count} Dateien geändert",
    "tests: ": "Tests: ",
    " has shown no sign of life for {time}.": " gibt seit {time} kein Lebenszeichen.",
    "Under way:": "Gerade dabei:",
    "The last thing it did:": "Zuletzt getan:",
    "It may still be at work. Stop it, or leave it.": (
        "Vielleicht arbeitet er noch. Halt ihn an oder lass ihn."
    ),
    " showed no sign of life for {time}; it went on.": (
        " gab {time} lang kein Lebenszeichen; er hat weitergemacht."
    ),
    " showed no sign of life for a while, and has ended.": (
        " gab eine Weile kein Lebenszeichen und ist zu Ende."
    ),
    "Still waiting for you": "Wartet noch auf dich",
    "job {job} asks whether this may run:": "Auftrag {job} fragt, ob das laufen darf:",
    "expires in {time}": "läuft ab in {time}",
    "id {id}": "Kennung {id}",
    # what jobs change
    "what a job changed, file by file": "was ein Auftrag geändert hat, Datei für Datei",
    "a task beside others, in a worktree of its own": (
        "eine Aufgabe neben anderen, in einem eigenen Arbeitsbaum"
    ),
    "merge, keep or remove a job's worktree": (
        "den Arbeitsbaum eines Auftrags übernehmen, behalten oder entfernen"
    ),
    "make its files as they were before a job": "seine Dateien wie vor dem Auftrag machen",
    "What is to be done there? Write: /worktree TASK": (
        "Was ist dort zu tun? Schreib: /worktree AUFGABE"
    ),
    "Which worktree? Write: /tree merge JOB, /tree keep JOB or /tree remove JOB": (
        "Welcher Arbeitsbaum? Schreib: /tree merge JOB, /tree keep JOB oder /tree remove JOB"
    ),
    "What of which job? Write: /diff JOB, /diff JOB 2 or /diff JOB all": (
        "Was von welchem Auftrag? Schreib: /diff JOB, /diff JOB 2 oder /diff JOB all"
    ),
    "Revert which job? Write: /revert JOB": "Welchen Auftrag zurücknehmen? Schreib: /revert JOB",
    "new": "neu",
    "deleted": "gelöscht",
    "changed": "geändert",
    "renamed": "umbenannt",
    "of another type": "von anderer Art",
    "the project could not be kept as it is, so nothing may be changed in it: {why} "
    '(an administrator may set snapshots = "wanted" for the project)': (
        "das Projekt ließ sich nicht festhalten, wie es ist, also darf darin nichts geändert "
        'werden: {why} (ein Administrator kann für das Projekt snapshots = "wanted" setzen)'
    ),
    "there are {size} MiB of new or changed files that git does not ignore, more than {limit}": (
        "es gibt {size} MiB neue oder geänderte Dateien, die git nicht ignoriert, mehr als {limit}"
    ),
    "git: {why}": "git: {why}",
    "git answers with something else than it was asked for: {why}": (
        "git antwortet etwas anderes, als es gefragt wurde: {why}"
    ),
    "it is too much to be shown here": "es ist zu viel, um es hier zu zeigen",
    "project {project} is not in the settings any more": (
        "das Projekt {project} steht nicht mehr in den Einstellungen"
    ),
    "What job {job} changed cannot be shown: {why}.": (
        "Was Auftrag {job} geändert hat, kann nicht gezeigt werden: {why}."
    ),
    "nothing was kept before it": "vor ihm wurde nichts festgehalten",
    "it was a command, and only what an agent changes is kept": (
        "er war ein Befehl, und festgehalten wird nur, was ein Agent ändert"
    ),
    "There is no such job here whose changes could be shown. /jobs lists the latest.": (
        "Hier gibt es keinen solchen Auftrag, dessen Änderungen sich zeigen ließen. "
        "/jobs zeigt die letzten."
    ),
    "Job {job} has not ended yet. Then /diff {job} shows what it changed.": (
        "Auftrag {job} ist noch nicht zu Ende. Dann zeigt /diff {job}, was er geändert hat."
    ),
    "There is no such job here.": "Diesen Auftrag gibt es hier nicht.",
    "Job {job} changed no files.": "Auftrag {job} hat keine Dateien geändert.",
    "New, but ignored by git, so not shown and not reverted:": (
        "Neu, aber von git ignoriert, also nicht gezeigt und nicht zurückgenommen:"
    ),
    "renamed from {name}": "umbenannt von {name}",
    "part {part} of {parts}": "Teil {part} von {parts}",
    "a git repository of its own: what changed in it is not looked at": (
        "ein eigenes git-Repository: was sich darin geändert hat, wird nicht angesehen"
    ),
    "not text, or too large for it": "kein Text, oder zu groß dafür",
    "a symbolic link": "ein symbolischer Link",
    "may be run now": "darf jetzt ausgeführt werden",
    "may not be run any more": "darf nicht mehr ausgeführt werden",
    "empty": "leer",
    "Make the files of job {job} as they were before it? ": (
        "Die Dateien von Auftrag {job} wieder machen, wie sie vor ihm waren? "
    ),
    "What others have changed in them since stays.": (
        "Was andere seither darin geändert haben, bleibt."
    ),
    "Yes, revert": "Ja, zurücknehmen",
    "No": "Nein",
    "Job {running} works in the same place. Revert job {job} when it has ended.": (
        "Auftrag {running} arbeitet am selben Ort. Nimm Auftrag {job} zurück, wenn er zu Ende ist."
    ),
    "{count} file is as before.": "{count} Datei ist wie zuvor.",
    "{count} files are as before.": "{count} Dateien sind wie zuvor.",
    "everything is as before already.": "alles ist schon wie zuvor.",
    "nothing was reverted.": "nichts wurde zurückgenommen.",
    "Left alone, because they were changed since:": (
        "Nicht angerührt, weil sie seither geändert wurden:"
    ),
    "Job {job} was not reverted: {why}.": "Auftrag {job} wurde nicht zurückgenommen: {why}.",
    "job {job} has no worktree of its own": "Auftrag {job} hat keinen eigenen Arbeitsbaum",
    "worked on the branch {branch}": "hat auf dem Zweig {branch} gearbeitet",
    "Look": "Ansehen",
    "Merge": "Übernehmen",
    "Keep": "Behalten",
    "Remove": "Entfernen",
    "Remove the worktree of job {job}, with all that is only there?": (
        "Den Arbeitsbaum von Auftrag {job} entfernen, mit allem, was nur dort ist?"
    ),
    "Yes, remove": "Ja, entfernen",
    "Job {running} works in the same place. Settle job {job} when it has ended.": (
        "Auftrag {running} arbeitet am selben Ort. "
        "Entscheide über Auftrag {job}, wenn er zu Ende ist."
    ),
    "Job {job} is merged, and its worktree is gone.": (
        "Auftrag {job} ist übernommen, und sein Arbeitsbaum ist weg."
    ),
    "Job {job} is committed to {branch}.": "Auftrag {job} ist auf {branch} festgeschrieben.",
    "The worktree and the branch of job {job} are gone.": (
        "Der Arbeitsbaum und der Zweig von Auftrag {job} sind weg."
    ),
    "Job {job} cannot be merged: the project has changed in the same places, or has changes "
    "that are not committed. Nothing was merged.": (
        "Auftrag {job} lässt sich nicht übernehmen: Das Projekt hat sich an denselben Stellen "
        "geändert oder hat Änderungen, die nicht festgeschrieben sind. Nichts wurde übernommen."
    ),
    "The worktree of job {job} is as it was: {why}.": (
        "Der Arbeitsbaum von Auftrag {job} ist, wie er war: {why}."
    ),
    "List": "Liste",
    "All as a file": "Alles als Datei",
    "Revert": "Zurücknehmen",
    "Commit": "Festschreiben",
    # how a place is talked to
    "language, times, quiet hours, how much of jobs": (
        "Sprache, Zeiten, Ruhezeit, wie viel von Aufträgen"
    ),
    "Settings of this conversation": "Einstellungen dieses Gesprächs",
    "Language: {language}": "Sprache: {language}",
    "Time zone: {zone}, {time} now": "Zeitzone: {zone}, jetzt {time}",
    "Of jobs: {verbosity}": "Von Aufträgen: {verbosity}",
    "answers only": "nur Antworten",
    "answers, and what it does now": "Antworten, und was gerade geschieht",
    "answers, and every step": "Antworten, und jeden Schritt",
    "Quiet hours: none": "Ruhezeit: keine",
    "Quiet hours: {hours}": "Ruhezeit: {hours}",
    "Quiet {hours}": "Ruhe {hours}",
    "Never quiet": "Nie Ruhe",
    "Answers": "Antworten",
    "Normal": "Normal",
    "Every step": "Jeder Schritt",
    "Time zone": "Zeitzone",
    "Time zone: ": "Zeitzone: ",
    "Any other: /settings zone Europe/Madrid": "Jede andere: /settings zone Europe/Madrid",
    "As the machine": "Wie der Rechner",
    "There is no time zone {name}. It has a name such as Europe/Berlin.": (
        "Es gibt keine Zeitzone {name}. Sie heißt etwa Europe/Berlin."
    ),
    "Set what? Write: /settings language, zone, jobs or quiet": (
        "Was einstellen? Schreib: /settings language, zone, jobs oder quiet"
    ),
    "Which language? Write: /settings language en, or de": (
        "Welche Sprache? Schreib: /settings language de, oder en"
    ),
    "A time zone has a name such as Europe/Berlin.": "Eine Zeitzone heißt etwa Europe/Berlin.",
    "How much of jobs? Write: /settings jobs quiet, normal or full": (
        "Wie viel von Aufträgen? Schreib: /settings jobs quiet, normal oder full"
    ),
    "When is it quiet? Write: /settings quiet 22:00-07:00, or off": (
        "Wann ist Ruhe? Schreib: /settings quiet 22:00-07:00, oder off"
    ),
    "Quiet hours must begin and end at different times.": (
        "Die Ruhezeit muss zu verschiedenen Zeiten beginnen und enden."
    ),
    # what fits a phone
    "Show the rest": "Den Rest zeigen",
    "More of what? Press the button below it.": "Mehr wovon? Drück den Knopf darunter.",
    "There is nothing more of that.": "Davon gibt es nicht mehr.",
    "All of it, as a file.": "Das Ganze als Datei.",
    "It is done, and said nothing.": "Es ist fertig und hat nichts gesagt.",
    "{count} steps were refused on the way.": "Unterwegs wurden {count} Schritte abgelehnt.",
    "Work": "Arbeit",
    "Watch": "Zusehen",
    "This conversation": "Dieses Gespräch",
    "The machine": "Der Rechner",
    "Recipes": "Rezepte",
    # the web page
    "There is nothing to send.": "Es gibt nichts zu senden.",
    "These files are not here any more. Attach them again.": (
        "Diese Dateien sind nicht mehr da. Häng sie noch einmal an."
    ),
    "That message is not there any more.": "Diese Nachricht ist nicht mehr da.",
    "Logging in…": "Anmelden…",
    "Login link": "Anmelde-Link",
    "Log in": "Anmelden",
    "For a new link, run this on the machine:": "Einen neuen Link gibt auf dem Rechner:",
    "Each link works once, for ten minutes.": "Jeder Link gilt einmal, zehn Minuten lang.",
    "Open the login link that this machine printed.": (
        "Öffne den Anmelde-Link, den dieser Rechner ausgegeben hat."
    ),
    "This link was used already, or is too old.": (
        "Dieser Link wurde schon benutzt oder ist zu alt."
    ),
    "The appliance does not answer. Is it running?": "Die Appliance antwortet nicht. Läuft sie?",
    "Connecting…": "Verbinden…",
    "Connected": "Verbunden",
    "Reconnecting…": "Neu verbinden…",
    "Notify me": "Benachrichtigen",
    "From now on you are told here.": "Ab jetzt erfährst du es hier.",
    "Conversation": "Gespräch",
    "Messages": "Nachrichten",
    "Running now": "Läuft gerade",
    "Suggestions": "Vorschläge",
    "Show earlier messages": "Frühere Nachrichten zeigen",
    "↓ New messages": "↓ Neue Nachrichten",
    "What should be done?": "Was soll getan werden?",
    "Write it in your own words. The agent works on this machine, inside its limits, and asks "
    "here before anything that needs your consent.": (
        "Schreib es in deinen eigenen Worten. Der Agent arbeitet auf diesem Rechner, in seinen "
        "Grenzen, und fragt hier vor allem, was deine Zustimmung braucht."
    ),
    "You:": "Du:",
    "Appliance:": "Appliance:",
    "What this answers": "Worauf das antwortet",
    "Show all": "Alles zeigen",
    "Reply": "Antworten",
    "Edit": "Bearbeiten",
    "edited": "bearbeitet",
    "stored": "gespeichert",
    "Sending…": "Wird gesendet…",
    "Not sent: {reason}": "Nicht gesendet: {reason}",
    "Waiting: {reason}": "Wartet: {reason}",
    "Message": "Nachricht",
    "Message, or /help": "Nachricht oder /help",
    "Send": "Senden",
    "Cancel": "Abbrechen",
    "Commands": "Befehle",
    "Files": "Dateien",
    "Attach files": "Dateien anhängen",
    "Remove {name}": "{name} entfernen",
    "Reply to: {text}": "Antwort auf: {text}",
    "Your message, in other words:": "Deine Nachricht, anders gesagt:",
    "At most {count} files go with a message.": (
        "Höchstens {count} Dateien gehen mit einer Nachricht."
    ),
    "{name} has {size}; {most} is the most that can be taken here.": (
        "{name} hat {size}; höchstens {most} können hier angenommen werden."
    ),
    "{name} did not arrive: {reason}": "{name} ist nicht angekommen: {reason}",
    "{name} did not arrive. Attach it again.": (
        "{name} ist nicht angekommen. Häng es noch einmal an."
    ),
    "Nobody listens to sound on this page. Write what to do, or say it on Telegram.": (
        "Auf dieser Seite hört niemand zu. Schreib, was zu tun ist, oder sag es auf Telegram."
    ),
    "This has {size} kB; a message may have {most}. Attach the long part as a file.": (
        "Das hat {size} kB; eine Nachricht darf {most} haben. Häng den langen Teil als Datei an."
    ),
    # after a restore
    "Restored from a backup": "Aus einer Sicherung wiederhergestellt",
    "It was made {age}. What was said and done since then is not known here.": (
        "Sie wurde {age} gemacht. Was seitdem gesagt und getan wurde, ist hier nicht bekannt."
    ),
    "{count} message was not looked at: send it again if it is still needed.": (
        "{count} Nachricht wurde nicht bearbeitet: Schick sie noch einmal, wenn es noch nötig ist."
    ),
    "{count} messages were not looked at: send them again if they are still needed.": (
        "{count} Nachrichten wurden nicht bearbeitet: "
        "Schick sie noch einmal, wenn es noch nötig ist."
    ),
    "{count} answer of then was perhaps never sent: /jobs shows what was done.": (
        "{count} Antwort von damals kam vielleicht nie an: /jobs zeigt, was getan wurde."
    ),
    "{count} answers of then were perhaps never sent: /jobs shows what was done.": (
        "{count} Antworten von damals kamen vielleicht nie an: /jobs zeigt, was getan wurde."
    ),
    " was waiting when the backup was made. It may have been done since, so it is not started.": (
        " wartete, als die Sicherung gemacht wurde. "
        "Er kann seitdem erledigt sein und wird nicht gestartet."
    ),
}
