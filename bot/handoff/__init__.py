"""From the assistant to a counsellor: the request, the queue, the claim, the words, the end."""
