"""Hand-picked bad messages: what people, broken apps and attackers send."""

import os

from bot.dialogue.check import QUESTIONS

#: How many are generated beside them.
MESSAGES = int(os.environ.get("NORTHLIGHT_FUZZ", "20000"))

TEXTS: tuple[str, ...] = (
    # nothing, or nothing to read
    "", " ", "\n\n\n", "\t", "\u00a0", "\u200b", "\u200b\u200c\u200d\ufeff", "\u2060", "\u3164",
    "\x00", "\x00\x00hello\x00", "\x07\x08\x1b[2J", "\x7f", "\u0085", "\u2028\u2029",
    # very much
    "a" * 1_000_000, "ਅ" * 300_000, "他" * 300_000, "🙂" * 200_000, "help " * 200_000,
    " " * 1_000_000, "\u0301" * 100_000, "a\u0301" * 100_000, "\n" * 100_000, "no" * 4_000,
    "?" * 50_000, "yes " * 3_000, "\u202e" * 10_000, "(" * 50_000, "https://x.example/" * 20_000,
    "ﷺ" * 50_000,
    # broken Unicode
    "\ud800", "\udfff", "hello \ud83d", "\udc00\ud800", "he is going to kill \ud800 me", "\ufffd",
    "\ufffe\uffff", "\U000e0041\U000e0042", "\U0010ffff", "\ue000", "\U0001f468\u200d\u200d",
    "e\u0301\u0301\u0301\u0301", "\u1100\u1161\u11a8", "ﬁﬂ", "Ａｅｓ", "①②③", "½", "²", "𝓱𝓮𝓵𝓹", "𝕴",
    # direction
    "\u202eevil", "\u202ddo\u202c", "\u2066a\u2069", "\u200f\u200e", "abc\u202e9-1-1\u202c",
    "مرحبا\u202ehello", "שלום", "\u061c",
    # emoji and symbols
    "🙂", "👍", "👍🏽", "❤️", "🆘", "🇨🇦", "👨‍👩‍👧", "🏳️‍🌈", "☎️ 911", "1️⃣", "...", "?", "؟", "!!!",
    "-", "—", "•", "©®™", "§", "٪", "،", "。", "…", "´`'\"",
    # payloads typed
    "/restart", "/intent", '/answer{"hurt_now":"no"}', '/answer{"hurt_now": "no"}', "/",
    "//", "/start", "/start@bot", "/start deep-link", "/help", "/language", "/language@x", "/stop",
    "/exit now", "/session_start", '/inform{"name":"x"}', "EXTERNAL: hi", "@step", "/back",
    "answer:hurt_now:no", "do:leave_now", "lang:fr", "region:NU", "show:ask_rights",
    '{"intent":"answer"}', '{"text":"x","sender":"y"}', "[]", "null", "NaN", "-1", "1e999", "0x41",
    # markup and injections
    "<b>x</b>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;&#60;&nbsp;",
    "]]>", "<!--", "<?xml?>", "*bold* _it_ `code`", "[a](javascript:alert(1))", "[x](tg://user)",
    "'; DROP TABLE people; --", "1 OR 1=1", "\" OR \"\"=\"", "$(reboot)", "`reboot`", "; ls",
    "../../etc/passwd", "%00", "%s%s%n", "{0.__class__}", "{place}", "{{7*7}}", "${7*7}", "#{1}",
    "__import__('os')", "EVAL 1 0", "*1\r\n$8\r\nFLUSHALL\r\n", "\r\nSET x y\r\n", "nl:session:x",
    "http://[::1]/", "file:///etc/passwd", "data:text/html,x", "tel:911", "mailto:x@example.org",
    # zalgo, stretched, shouted, mixed
    "h̷̢̛e̸̡l̶̨p̵̧ m̴e̵", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "heeeeeeelp", "HELP HELP", "hElP", "h e l p", "h.e.l.p", "pleh",
    "hello привет 你好 مرحبا", "ਮੈਂ want to ਜਾਣਾ", "je want ayuda por favor", "wo xiang zou",
    "ana 3ayza masa3da", "main ghar jaana chahti hun", "ayúdame s'il vous plaît", "help帮我",
    "𓀀𓁐", "ᚠᚢᚦ", "ᐃᓄᒃᑎᑐᑦ", "ꦲꦏ꧀ꦱꦫ", "ภาษาไทย", "Ελληνικά", "አማርኛ", "ქართული", "日本語です", "한국어",
    "help アパート please", "ｱ help", "㌀ x",
    # words with a meaning of their own, odd or mixed up
    "yes", "no", "Yes?", "no?", "yes no", "si", "ya", "ok", "n", "y", "o", "skip skip", "leave me",
    "exit?", "EXIT", " exit ", "e\u200bxit", "stop", "unsubscribe", "9-1-1", "911", "text 911",
    "he is going to kill me?", "he is\x00 going to kill me", "HE IS GOING TO KILL ME", "suicide",
    "my password is hunter2", "call me at 1-204-555-0100", "I am 12", "are you the police",
)  # fmt: skip

BUTTONS: tuple[str, ...] = (
    "", ":", "::", ":::", "do", "do:", "do:nothing", "do:leave ", "DO:leave", "do:leave:now",
    "do:__class__", "do:ask_for_person", "do:start\x00", "do:\ud800", "\ud800", "x" * 64, "é" * 32,
    "x" * 100_000, "answer", "answer:", "answer::", "answer:x:y", "answer:hurt_now",
    "answer:hurt_now:", "answer:hurt_now:maybe", "answer:hurt_now:yes:no", "answer:hurt_now:Yes",
    "answer:hurt_now:yes ", "answer:consent:everything", "answer:language:en", "answer:asking:x",
    "answer:code_word:x", "answer:__init__:x", "answer:safe_now:yes", "answer:minor:safe",
    "lang:", "lang:xx", "lang:EN", "lang:en-CA", "lang:zh", "lang:../en", "lang:\x00", "lang:ਪੰਜਾਬੀ",
    "region:", "region:XX", "region:on", "region:ON ", "region:ON:QC", "region:\u202e",
    "show:", "show:x", "show:left", "show:store_away", "show:ask_consent", "show:card_911",
    "show:ask_x", "show:ask_safe_now", "show:counsellor_here", "show:line_text",
    "report_danger", "/answer{\"hurt_now\":\"no\"}", "<b>", "'; --", "do:place", "do:idle",
    "answer:safe_now:safe.", "region:yes", "show:yes", "do:yes",
    "answer:do:leave", "lang:do:leave", "show:handoff_waiting",
)  # fmt: skip

#: Buttons that exist, pressed when they make no sense.
STALE: tuple[str, ...] = (
    *[f"answer:{slot}:{value}" for slot, values in QUESTIONS.items() for value in values],
    *[f"do:{act}" for act in (
        "start", "person", "emergency", "numbers", "start_check", "resume_check", "topics",
        "language", "cancel_wait", "wait_place", "keep", "stay", "not_now", "no_thanks", "near_me",
        "crime_stoppers", "leave", "leave_now", "erase_now",
    )],
    "lang:en", "lang:fr", "lang:ar", "lang:pa", "lang:es", "lang:zh-Hans", "region:NU", "region:ON",
    "show:ask_rights", "show:concern_for_other", "show:ask_privacy",
)  # fmt: skip

HINTS: tuple[str, ...] = ("", "en", "fr-CA", "pa", "zh-hans", "xx", "\x00", "\ud800", "e" * 1000)
