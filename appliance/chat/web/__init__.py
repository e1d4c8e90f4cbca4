"""The chat page that this machine serves to itself, on 127.0.0.1 and nowhere else.

    server      `WebChat`, the port `Chat`
    site        what is served over HTTP; the files themselves lie in `appliance/chat/page`
    guard       where a request may come from, judged before anything else looks at it
    login       who may open the page: single-use links, and the sessions that they start
    connection  one open page; `audience` is all of them
    frames      what travels on its WebSocket
    uploads     the files that people hand over, until their task fetches them
    transcript  the port to what was said

Loopback is no protection by itself: every web page the user visits, and every other user of this
machine, can reach it. So each request must name this server as its host (a rebound DNS name does
not), whatever changes something must come from this origin, and everything but the login page
needs a session. A session begins with a single-use link printed by `dispatchctl login`. Its token
stands behind the link's `#`, which browsers never send: no link preview can use it up, and no log
or referrer can hold it; the login page hands it over by POST. One limit remains: cookies know no
ports, so another server on 127.0.0.1 that the user visits can see the session cookie.

The page shows the transcript and nothing else. A connection keeps no queue of its own: it is
woken, reads what is new from the transcript, and sends that, so a slow, broken or restarted
connection loses nothing, and nothing piles up in memory. The page keeps what it could not hand
over and offers it again under the same id, and that id makes it one message however often it
comes.

Files come by POST, with the session and the origin that everything else needs: bounded, streamed
to disk, and known there by an id of the page's; what they are called is a word in a message.
What the page says by itself comes from the one catalogue of all our words, in the language of
its place (`core.replies.about_page`).

It never runs anything, decides nothing, loads nothing from other hosts, and never turns text into
markup: what agents write is shown as text nodes, and the browser is told to refuse anything else.
"""
