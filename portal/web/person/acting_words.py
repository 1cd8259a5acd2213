"""What people read when they act for somebody else. The rules of `cases/law/others` name these by their short names."""

from __future__ import annotations

from portal.languages import mark

BASES = {
    "permission": mark("The person signed a permission"),
    "power-of-attorney": mark("I have a power of attorney"),
    "lawyer": mark("I am their lawyer"),
    "parent": mark("I am a parent"),
    "guardian": mark("I am the guardian, or a court or an office made me responsible"),
    "heir": mark("I am an heir"),
    "executor": mark("I carry out the will, or the person named me for this"),
    "relative": mark("I am close family"),
}
# Each paper: what it is, and what must be on it.
PAPERS = {
    "permission": (
        mark("The signed permission"),
        mark("It names you, says what you may ask for, and is signed by the person."),
    ),
    "power": (mark("The power of attorney"), mark("All pages that name you and say what you may do.")),
    "instruction": (
        mark("The letter in which the person asked you to do this"),
        mark("With your name and office, and the signature of the person."),
    ),
    "parent": (
        mark("A paper that names you as the parent"),
        mark("Such as a birth certificate. Cover what we do not need. We delete it as soon as somebody has read it."),
    ),
    "guardian": (
        mark("The paper that makes you responsible for the child"),
        mark("From a court or an office. Cover what we do not need. We delete it as soon as somebody has read it."),
    ),
    "death": (mark("A paper that shows that the person has died"), mark("Such as a death certificate.")),
    "heir": (mark("A paper that shows that you are an heir"), mark("Such as a certificate of inheritance.")),
    "executor": (mark("The paper that names you"), mark("Such as the will, or a letter in which you are named.")),
}
TITLES = {
    "agent": mark("You ask for somebody who asked you to"),
    "child": mark("You ask for a child"),
    "deceased": mark("You ask for somebody who has died"),
}
# What the law says, by role and by what the rule gives.
LAW = {
    "agent": {
        "yes": mark("The law there lets a person ask through somebody else. We need to see that they want it."),
        "some": mark("A person may ask through somebody else. We need to see that they want it."),
        "no": mark("A person may ask through somebody else. We need to see that they want it."),
    },
    "child": {
        "yes": mark("The law there lets parents and guardians ask for a child. The right stays the child's."),
        "some": mark(
            "Parents and guardians may ask for a child. The right stays the child's. A child who understands this can "
            "also ask alone."
        ),
        "no": mark("Parents and guardians may ask for a child. The right stays the child's."),
    },
    "deceased": {
        "yes": mark(
            "The law there lets a person name somebody who may ask after their death. If nobody was named, we may "
            "still do it. A person here decides, and tells you why."
        ),
        "some": mark(
            "The European law on personal data, the GDPR, does not cover people who have died. Some countries, such as "
            "France, Italy and Spain, give the family rights of their own. Elsewhere we may still do it. A person here "
            "decides, and tells you why."
        ),
        "no": mark(
            "Laws on personal data mostly cover living people. We know of none there that gives you this right. We may "
            "still do it. A person here decides, and tells you why."
        ),
    },
}
ANSWER_TO = {
    "requester": mark("The answer comes to you."),
    "person": mark("The answer goes to the person, who can share it with you."),
    "both": mark("The answer goes to you and to the person."),
}
# The same, said to the person for whom somebody asks.
ANSWER_TO_PERSON = {
    "requester": mark("The answer goes to the one who asks for you."),
    "person": mark("The answer comes to you. You choose whether to share it with the one who asks for you."),
    "both": mark("The answer goes to you and to the one who asks for you."),
}
