"""Every screen of the portal, a line for each: who has it before them, and its address in `world.World`."""

from __future__ import annotations

import re
from dataclasses import dataclass

STAFF = re.compile(r"/(staff|join)(/|$)")


@dataclass(frozen=True)
class Screen:
    """A page. `who` is one of the clients of `World`, the names in braces are its ids."""

    endpoint: str
    path: str
    who: str = "nobody"
    status: int = 200

    @property
    def name(self) -> str:
        """For files: what the address says, and who sees it where several do."""
        return re.sub(r"[^\w]+", "-", f"{self.path} {self.who if self.who != 'nobody' else ''}").strip("-") or "start"

    @property
    def is_for_persons(self) -> bool:
        """Theirs are in all languages; those of staff are in English."""
        return STAFF.match(self.path) is None


SCREENS = (
    Screen("subject.start", "/"),
    Screen("subject.stay_safe", "/stay-safe"),
    Screen("subject.help_page", "/help"),
    Screen("subject.privacy", "/privacy"),
    Screen("subject.comparison", "/comparison"),
    Screen("subject.accessibility", "/accessibility"),
    Screen("checking.certificate", "/verify"),
    Screen("subject.verify_help", "/verify-help"),
    Screen("", "/nowhere", status=404),
    Screen("intake.question", "/request/rights", "asking"),
    Screen("intake.question", "/request/whom", "asking"),
    Screen("agents.acting", "/request/acting", "acting"),
    Screen("agents.papers", "/request/papers", "papers"),
    Screen("intake.question", "/request/residence", "asking"),
    Screen("intake.question", "/request/ways", "asking"),
    Screen("intake.question", "/request/consent", "asking"),
    Screen("photos.photos", "/request/photos", "asking"),
    Screen("photos.checking", "/request/photos/{refused_photo}", "asking"),
    Screen("photos.checking", "/request/photos/{faces}", "choosing"),
    Screen("intake.names", "/request/links", "asking"),
    Screen("photos.files", "/request/files", "asking"),
    Screen("intake.names", "/request/accounts", "asking"),
    Screen("intake.contact", "/request/contact", "asking"),
    Screen("intake.code", "/request/code", "coding"),
    Screen("intake.question", "/request/helps", "asking"),
    Screen("intake.check", "/request/check", "asking"),
    Screen("intake.sent", "/request/sent", "sent"),
    Screen("following.sign_in", "/case/sign-in"),
    Screen("following.overview", "/case", "waiting"),
    Screen("following.overview", "/case", "refused"),
    Screen("following.overview", "/case", "answered"),
    Screen("following.withdraw", "/case/withdraw", "waiting"),
    Screen("following.overview", "/case", "shown"),
    Screen("choices.choose", "/case/choose", "shown"),
    Screen("choices.check", "/case/choose/check?wish=deletion", "shown"),
    Screen("choices.check", "/case/choose/check?wish=deletion&which=some", "shown", status=422),
    Screen("missing.missed", "/case/missed", "answered"),
    Screen("following.certificate", "/case/certificates/{certificate}", "answered"),
    Screen("additions.photos", "/case/photos", "waiting"),
    Screen("additions.checking", "/case/photos/{added}", "waiting"),
    Screen("challenges.for_person", "/case/challenge", "waiting"),
    Screen("messages.with_us", "/case/messages", "waiting"),
    Screen("signs.for_person", "/case/signs", "waiting"),
    Screen("profiles.for_person", "/case/profile", "waiting"),
    Screen("appeals.ask", "/case/appeal/access", "refused"),
    Screen("permission.own", "/case/permission", "agent"),
    Screen("permission.own", "/case/permission", "person"),
    Screen("permission.confirmed", "/case/your-words", "person"),
    Screen("permission.question", "/for-you/{asked_person}"),
    Screen("staff.sign_in", "/staff/sign-in"),
    Screen("staff.join", "/join/{invitation}"),
    Screen("staff.home", "/staff", "boss"),
    Screen("admin.stores", "/staff/stores", "boss"),
    Screen("admin.add_store", "/staff/stores/add", "boss"),
    Screen("admin.store", "/staff/stores/{store}", "boss"),
    Screen("admin.scan", "/staff/scans/{scan}", "boss"),
    Screen("admin.scan_errors", "/staff/scans/{scan}/errors", "boss"),
    Screen("lineage.overview", "/staff/lineage/", "boss"),
    Screen("lineage.add", "/staff/lineage/add/source", "boss"),
    Screen("lineage.add", "/staff/lineage/add/training", "boss"),
    Screen("people.accounts_list", "/staff/accounts", "boss"),
    Screen("people.account", "/staff/accounts/{boss}", "boss"),
    Screen("people.show_settings", "/staff/settings", "boss"),
    Screen("law.show", "/staff/law/", "boss"),
    Screen("thresholds.show", "/staff/thresholds/", "boss"),
    Screen("reports.show", "/staff/reports/", "boss"),
    Screen("auditor.cases", "/staff/audit/", "boss"),
    Screen("auditor.log", "/staff/audit/log", "boss"),
    Screen("inbox.show", "/staff/cases/", "boss"),
    Screen("caseworker.case", "/staff/cases/{planned}", "boss"),
    Screen("caseworker.case", "/staff/cases/{answered}", "boss"),
    Screen("caseworker.check_identity", "/staff/cases/{asking}/identity", "boss"),
    Screen("caseworker.photographs", "/staff/cases/{deciding}/photographs", "boss"),
    Screen("caseworker.files", "/staff/cases/{planned}/files", "boss"),
    Screen("caseworker.timeline", "/staff/cases/{planned}/timeline", "boss"),
    Screen("messages.with_person", "/staff/cases/{planned}/messages", "boss"),
    Screen("alarms.linked", "/staff/cases/{asking}/linked", "boss"),
    Screen("appeals.answer", "/staff/cases/{appealed}/appeal/access", "boss"),
    Screen("decisions.decide", "/staff/cases/{deciding}/decide", "boss"),
    Screen("decisions.decide_right", "/staff/cases/{deciding}/decide/access", "boss"),
    Screen("previews.package", "/staff/cases/{deciding}/copy", "boss"),
    Screen("previews.plan", "/staff/cases/{deciding}/plan/deletion", "boss"),
    Screen("groups.show", "/staff/cases/{planned}/group-photographs", "boss"),
    Screen("mandates.show", "/staff/cases/{mandated}/mandate", "boss"),
    Screen("desk_intake.enter", "/staff/entry", "boss"),
    Screen("desk_intake.letter", "/staff/cases/{entered}/first-letter", "boss"),
    Screen("desk_intake.arrival", "/staff/cases/{entered}/arrival", "boss"),
    Screen("clocks.more_time", "/staff/cases/{deciding}/more-time/access", "boss"),
    Screen("clocks.ask", "/staff/cases/{waiting}/ask", "boss"),
    Screen("signs.with_person", "/staff/cases/{waiting}/signs", "boss"),
    Screen("profiles.of_person", "/staff/cases/{waiting}/profile", "boss"),
    Screen("letters.of_case", "/staff/cases/{planned}/letters", "boss"),
    Screen("letters.show", "/staff/cases/{planned}/letters/deletion/answer", "boss"),
    Screen("erasures.show", "/staff/erasures/{erasure}", "boss"),
    Screen("erasures.show", "/staff/erasures/{settled}", "boss"),
    Screen("erasures.people_items", "/staff/erasures/{erasure}/items", "boss"),
    Screen("reviewer.queue", "/staff/review/", "boss"),
    Screen("reviewer.compare", "/staff/review/{pair}", "boss"),
    Screen("reviewer.compare", "/staff/review/{pair}?whole=1", "boss"),
    Screen("reviewer.compare", "/staff/review/{told}", "newcomer"),
    Screen("reviewer.leave", "/staff/review/{pair}/leave", "boss"),
    Screen("reviewer.third", "/staff/review/{settled_pair}/third", "boss"),
    Screen("practice.mine", "/staff/practice/mine", "boss"),
    Screen("practice.show", "/staff/practice/", "boss"),
    Screen("reviewer.compare", "/staff/review/0", "boss", status=409),
)
# What answers a GET and is no screen, and what it is.
NOT_SCREENS = {
    "additions.face": "a picture",
    "additions.picture": "a picture",
    "admin.scan_errors_file": "a table to download",
    "admin.scan_progress": "what a page asks for",
    "bootstrap.static": "a file",
    "caseworker.probe_picture": "a picture",
    "challenges.frame": "a picture",
    "choices.picture": "a picture",
    "desk_intake.scan": "a paper that was sent",
    "erasures.plan": "leads to the plan",
    "following.day_of_answer": "a calendar",
    "groups.preview": "a picture",
    "health.alive": "for machines",
    "health.ready": "for machines",
    "inbox.not_a_page": "leads to the inbox",
    "intake.next_page": "leads to the next question",
    "letters.own": "a letter to download",
    "letters.pdf": "a letter to download",
    "look.logo": "a picture",
    "look.sheet": "a file",
    "mandates.paper": "a paper that was sent",
    "photos.face": "a picture",
    "photos.picture": "a picture",
    "previews.picture": "a picture",
    "reports.download": "a table to download",
    "reports.download_pdf": "a report to download",
    "reports.download_published": "a table to download",
    "reports.download_reviewers": "a table to download",
    "reviewer.found": "a picture",
    "reviewer.sent": "a picture",
    "reviewer.whole": "a picture",
    "static": "a file",
    "subject.checkpoint": "for machines",
    "subject.favicon": "a picture",
    "subject.leave": "leads away",
    "subject.public_key": "for machines",
}
