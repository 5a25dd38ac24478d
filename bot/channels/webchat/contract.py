"""The web door's fixed numbers and names."""

from typing import Final

#: Where Leave takes the browser: a page nobody needs to explain. A weather page is visited daily.
NEUTRAL_SITE: Final = "https://weather.gc.ca/"
#: Hosts a form may end up at. Browsers also apply this to the redirect after Leave's POST.
NEUTRAL_HOSTS: Final = "https://*.gc.ca"

#: Longest body read, bytes. 4000 characters (the text box) fit in every script.
BODY_MAX: Final = 16 * 1024
#: How much of a body that is too long is still taken and thrown away, so that the browser gets to
#: see our answer instead of a reset connection, bytes.
BODY_DRAIN: Final = 1024 * 1024
TEXT_MAX: Final = 4000
#: Telegram's limit for a button's payload, kept here too, bytes.
PAYLOAD_MAX: Final = 64

#: How long the page waits for an answer before it is shown without one, seconds.
PAGE_WAIT: Final = 3.0
#: How long Redis may take to store a message before the person is told, seconds.
STORE_PATIENCE: Final = 3.0
#: Refreshes of a waiting page before it says that it takes long; after the last it stops.
SLOW_AFTER: Final = 3
LAST_TRY: Final = 40

#: One visitor may send this many a minute. Buttons have more room: "the buttons still work".
TEXTS_A_MINUTE: Final = 20
CHOICES_A_MINUTE: Final = 60
#: One address of the wide Internet, whoever writes from there: without cookies everybody is a new
#: visitor. And one visitor's words of danger. Beyond, the right card is shown and nothing kept.
PLACE_A_MINUTE: Final = 300
URGENT_A_MINUTE: Final = 60

#: Every text of the `web` section that the page uses (a test looks for them in all languages).
WEB_TEXTS: Final = (
    "title", "leave", "leave_hint", "conversation_label", "message_label", "send", "you",
    "helper", "counsellor", "choices_label", "earlier_choices", "new_messages", "waiting", "slow",
    "connection_lost", "not_sent", "too_long", "refused", "not_found", "to_chat", "unreadable",
)  # fmt: skip
