"""Notices: who is told of a run, what they are told, and what Airflow is given so that they are told in time.

notice.py     what a notice holds, made from the records of a run
wording.py    the notice as the text, the page and the subject of a mail
payload.py    the notice as the JSON of a webhook
sending.py    mail and webhook, with several tries; what cannot be sent changes no result
calling.py    what Airflow calls: a notifier, and a deadline
"""

from dags.notices.calling import ProgramNotifier, deadline_of
from dags.notices.notice import Links, Notice, notice_of
from dags.notices.sending import send

__all__ = ["Links", "Notice", "ProgramNotifier", "deadline_of", "notice_of", "send"]
