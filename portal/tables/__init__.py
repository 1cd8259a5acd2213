"""What is stored, and nothing else: the data inventory, one file per subject."""

from portal.tables.acting import Arrival, Mandate, Proof
from portal.tables.assurance import Declaration, ProfileCheck, SecondSign
from portal.tables.audit import Checkpoint, Entry
from portal.tables.base import Base, Work, random_id
from portal.tables.blob import Blob
from portal.tables.cases import (
    Appeal,
    Case,
    CaseEvent,
    CaseLink,
    CaseRight,
    Code,
    Draft,
    Feedback,
    Mail,
    Message,
    Package,
    SentLetter,
)
from portal.tables.erasure import Certificate, Erasure, ErasureItem, Suppression
from portal.tables.holds import Hold
from portal.tables.identity import Challenge
from portal.tables.known import KnownLook, KnownPair, KnownPhoto
from portal.tables.lineage import (
    Dataset,
    DatasetChunk,
    DatasetStore,
    DatasetVersion,
    Derivation,
    Disclosure,
    Product,
    Recipient,
    Source,
    StoredOutput,
    TakenChunk,
    TrainedModel,
    TrainingUse,
)
from portal.tables.matching import Calibration, Candidate, Judgement, PassedOn, Probe, Search
from portal.tables.notices import Feed, FeedEntry, Notice, NoticeGround
from portal.tables.orders import Order, OrderCertificate, OrderChunk, OrderItem, SuppressionChunk
from portal.tables.remedies import Absence, Remedy, Retraining
from portal.tables.staff import Account, Attempt, Invitation, SavedView, WebSession
from portal.tables.stores import Encoder, Face, Image, ManifestEntry, Reencoding, Scan, ScanError, Store, Template
from portal.tables.suppression import HeldBack, KeptFace
from portal.tables.watching import Drift, DriftFinding, Recheck

__all__ = [
    "Absence",
    "Account",
    "Appeal",
    "Arrival",
    "Attempt",
    "Base",
    "Blob",
    "Calibration",
    "Candidate",
    "Case",
    "CaseEvent",
    "CaseLink",
    "CaseRight",
    "Certificate",
    "Challenge",
    "Checkpoint",
    "Code",
    "Dataset",
    "DatasetChunk",
    "DatasetStore",
    "DatasetVersion",
    "Declaration",
    "Derivation",
    "Disclosure",
    "Draft",
    "Drift",
    "DriftFinding",
    "Encoder",
    "Entry",
    "Erasure",
    "ErasureItem",
    "Face",
    "Feed",
    "FeedEntry",
    "Feedback",
    "HeldBack",
    "Hold",
    "Image",
    "Invitation",
    "Judgement",
    "KeptFace",
    "KnownLook",
    "KnownPair",
    "KnownPhoto",
    "Mail",
    "Mandate",
    "ManifestEntry",
    "Message",
    "Notice",
    "NoticeGround",
    "Order",
    "OrderCertificate",
    "OrderChunk",
    "OrderItem",
    "Package",
    "PassedOn",
    "Probe",
    "Product",
    "ProfileCheck",
    "Proof",
    "Recheck",
    "Recipient",
    "Reencoding",
    "Remedy",
    "Retraining",
    "SavedView",
    "Scan",
    "ScanError",
    "Search",
    "SecondSign",
    "SentLetter",
    "Source",
    "Store",
    "StoredOutput",
    "Suppression",
    "SuppressionChunk",
    "TakenChunk",
    "Template",
    "TrainedModel",
    "TrainingUse",
    "WebSession",
    "Work",
    "random_id",
]
