BEGIN TRANSACTION;
CREATE TABLE card (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL CHECK (length(last_four) = 4),
    outcome TEXT NOT NULL,
    spent_on TEXT,
    created_at TEXT NOT NULL
);
INSERT INTO "card" VALUES('card_00000000000000000001','entry.call_1.1:card','visa','4242','approved','attempt_1','2026-11-22T10:00:06+00:00');
INSERT INTO "card" VALUES('card_00000000000000000002','entry.call_2.1:card','visa','4242','approved','attempt_2','2026-11-22T10:00:46.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000003','entry.call_3.1:card','visa','4242','approved','attempt_3','2026-11-22T10:01:27+00:00');
INSERT INTO "card" VALUES('card_00000000000000000004','entry.call_4.2:card','visa','4242','approved','attempt_4','2026-11-22T10:02:09+00:00');
INSERT INTO "card" VALUES('card_00000000000000000005','entry.call_5.1:card','visa','0002','generic_decline','attempt_5','2026-11-22T10:02:18.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000006','entry.call_5.4:card','visa','0002','generic_decline','attempt_6','2026-11-22T10:02:27.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000007','entry.call_6.1:card','visa','4242','approved',NULL,'2026-11-22T10:02:39.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000008','entry.call_7.3:card','visa','4242','approved','attempt_8','2026-11-22T10:03:25+00:00');
INSERT INTO "card" VALUES('card_00000000000000000009','entry.call_8.1:card','visa','4242','approved',NULL,'2026-11-22T10:04:35.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000010','entry.call_9.1:card','visa','4242','approved','attempt_10','2026-11-22T10:15:15+00:00');
INSERT INTO "card" VALUES('card_00000000000000000011','entry.call_10.1:card','visa','4242','approved','attempt_11','2026-11-22T10:16:25.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000012','entry.call_11.1:card','visa','0002','generic_decline','attempt_12','2026-11-26T13:18:35+00:00');
INSERT INTO "card" VALUES('card_00000000000000000013','entry.call_11.4:card','visa','9995','insufficient_funds','attempt_13','2026-11-26T13:18:44+00:00');
INSERT INTO "card" VALUES('card_00000000000000000014','entry.call_16.1:card','visa','4242','approved','attempt_16','2026-11-26T13:22:39.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000015','entry.call_17.1:card','visa','4242','approved','attempt_17','2026-11-26T13:23:50+00:00');
INSERT INTO "card" VALUES('card_00000000000000000016','entry.call_18.1:card','visa','4242','approved','attempt_18','2026-11-26T13:25:00.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000017','entry.call_19.1:card','visa','4242','approved','attempt_19','2026-11-26T13:26:11+00:00');
INSERT INTO "card" VALUES('card_00000000000000000018','entry.call_20.1:card','visa','4242','approved','attempt_20','2026-11-26T13:27:21.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000019','entry.call_21.1:card','visa','3155','authentication_required','attempt_21','2026-11-26T13:29:32+00:00');
INSERT INTO "card" VALUES('card_00000000000000000020','entry.call_22.3:card','visa','3155','authentication_required','attempt_23','2026-11-26T13:29:47.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000021','entry.call_23.1:card','visa','3155','authentication_required','attempt_25','2026-11-26T13:29:59+00:00');
INSERT INTO "card" VALUES('card_00000000000000000022','entry.call_24.1:card','visa','3155','authentication_required','attempt_27','2026-11-26T13:30:10.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000023','entry.call_25.1:card','visa','3155','authentication_required','attempt_29','2026-11-26T13:30:22+00:00');
INSERT INTO "card" VALUES('card_00000000000000000024','entry.call_26.1:card','visa','3155','authentication_required','attempt_31','2026-11-26T13:30:33.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000025','entry.call_27.1:card','visa','3155','authentication_required','attempt_33','2026-11-26T13:30:45+00:00');
INSERT INTO "card" VALUES('card_00000000000000000026','entry.call_38.1:card','visa','4242','approved',NULL,'2026-11-26T13:31:43.750000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000027','entry.call_39.2:card','visa','4242','approved',NULL,'2026-11-26T13:31:51.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000028','entry.call_48.1:card','visa','4242','approved',NULL,'2026-11-26T13:32:26.250000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000029','entry.call_49.1:card','visa','4242','approved','attempt_35','2026-11-26T13:32:32.250000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000030','entry.call_50.1:card','visa','4242','approved',NULL,'2026-11-26T13:32:42.250000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000031','entry.call_51.1:card','visa','4242','approved','attempt_37','2026-11-26T13:32:52.250000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000032','entry.call_52.1:card','visa','4242','approved','attempt_38','2026-11-26T13:33:02+00:00');
INSERT INTO "card" VALUES('card_00000000000000000033','entry.call_53.1:card','visa','4242','approved','attempt_39','2026-11-26T13:33:11.750000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000034','entry.call_54.1:card','visa','4242','approved','attempt_40','2026-11-26T13:33:21.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000035','entry.call_55.1:card','visa','4242','approved','attempt_41','2026-11-26T13:33:31.250000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000036','entry.call_56.1:card','visa','4242','approved','attempt_42','2026-11-26T13:33:41+00:00');
INSERT INTO "card" VALUES('card_00000000000000000037','entry.call_57.1:card','visa','4242','approved','attempt_43','2026-11-26T13:33:50.750000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000038','entry.call_58.1:card','visa','4242','approved','attempt_44','2026-11-26T13:34:00.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000039','entry.call_62.1:card','visa','4242','approved',NULL,'2026-11-26T13:34:20.500000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000040','entry.call_63.1:card','visa','4242','approved',NULL,'2026-11-26T13:34:26.750000+00:00');
INSERT INTO "card" VALUES('card_00000000000000000041','entry.call_64.1:card','visa','4242','approved',NULL,'2026-11-26T13:34:33+00:00');
INSERT INTO "card" VALUES('card_00000000000000000042','entry.call_66.1:card','visa','3155','authentication_required','attempt_47','2026-11-26T13:34:41+00:00');
CREATE TABLE kept_card (
    card_id TEXT PRIMARY KEY REFERENCES card (id),
    charge_key TEXT NOT NULL,
    key TEXT UNIQUE,
    holder TEXT,
    forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1)),
    CHECK ((key IS NULL) = (holder IS NULL))
);
INSERT INTO "kept_card" VALUES('card_00000000000000000014','attempt_16','card_1','cus_00000000000000000001',0);
INSERT INTO "kept_card" VALUES('card_00000000000000000015','attempt_17','card_2','cus_00000000000000000002',0);
INSERT INTO "kept_card" VALUES('card_00000000000000000016','attempt_18','card_3','cus_00000000000000000003',0);
INSERT INTO "kept_card" VALUES('card_00000000000000000017','attempt_19','card_4','cus_00000000000000000004',1);
INSERT INTO "kept_card" VALUES('card_00000000000000000018','attempt_20','card_5','cus_00000000000000000005',0);
INSERT INTO "kept_card" VALUES('card_00000000000000000032','attempt_38',NULL,NULL,0);
CREATE TABLE link (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'paid')),
    fingerprint TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,
    language TEXT NOT NULL,
    done_url TEXT NOT NULL,
    left_url TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
INSERT INTO "link" VALUES('attempt_22','pl_00000000000000000001','open','["link", 4990, "EUR", "Bill 30000021, payment 10000022", {"attempt": "attempt_22", "bill": "30000021", "call": "call_21", "channel": "link", "payment": "10000022"}, "en", "https://pay.example/receipt/linktoken00000000000000001?done=1", "https://pay.example/pay/linktoken00000000000000001?left=1", "2026-11-26T14:30:36.500000+00:00"]',4990,'EUR','Bill 30000021, payment 10000022','{"attempt": "attempt_22", "payment": "10000022", "bill": "30000021", "call": "call_21", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000001?done=1','https://pay.example/pay/linktoken00000000000000001?left=1','2026-11-26T14:30:36.500000+00:00');
INSERT INTO "link" VALUES('attempt_24','pl_00000000000000000002','open','["link", 2000, "EUR", "Bill 30000022, payment 10000024", {"attempt": "attempt_24", "bill": "30000022", "call": "call_22", "channel": "link", "payment": "10000024"}, "en", "https://pay.example/receipt/linktoken00000000000000002?done=1", "https://pay.example/pay/linktoken00000000000000002?left=1", "2026-11-26T14:30:52+00:00"]',2000,'EUR','Bill 30000022, payment 10000024','{"attempt": "attempt_24", "payment": "10000024", "bill": "30000022", "call": "call_22", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000002?done=1','https://pay.example/pay/linktoken00000000000000002?left=1','2026-11-26T14:30:52+00:00');
INSERT INTO "link" VALUES('attempt_26','pl_00000000000000000003','open','["link", 4990, "EUR", "Bill 30000023, payment 10000026", {"attempt": "attempt_26", "bill": "30000023", "call": "call_23", "channel": "link", "payment": "10000026"}, "en", "https://pay.example/receipt/linktoken00000000000000003?done=1", "https://pay.example/pay/linktoken00000000000000003?left=1", "2026-11-26T14:31:03.500000+00:00"]',4990,'EUR','Bill 30000023, payment 10000026','{"attempt": "attempt_26", "payment": "10000026", "bill": "30000023", "call": "call_23", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000003?done=1','https://pay.example/pay/linktoken00000000000000003?left=1','2026-11-26T14:31:03.500000+00:00');
INSERT INTO "link" VALUES('attempt_28','pl_00000000000000000004','open','["link", 4990, "EUR", "Bill 30000024, payment 10000028", {"attempt": "attempt_28", "bill": "30000024", "call": "call_24", "channel": "link", "payment": "10000028"}, "en", "https://pay.example/receipt/linktoken00000000000000004?done=1", "https://pay.example/pay/linktoken00000000000000004?left=1", "2026-11-26T14:31:15+00:00"]',4990,'EUR','Bill 30000024, payment 10000028','{"attempt": "attempt_28", "payment": "10000028", "bill": "30000024", "call": "call_24", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000004?done=1','https://pay.example/pay/linktoken00000000000000004?left=1','2026-11-26T14:31:15+00:00');
INSERT INTO "link" VALUES('attempt_30','pl_00000000000000000005','closed','["link", 4990, "EUR", "Bill 30000025, payment 10000030", {"attempt": "attempt_30", "bill": "30000025", "call": "call_25", "channel": "link", "payment": "10000030"}, "en", "https://pay.example/receipt/linktoken00000000000000005?done=1", "https://pay.example/pay/linktoken00000000000000005?left=1", "2026-11-26T14:31:26.500000+00:00"]',4990,'EUR','Bill 30000025, payment 10000030','{"attempt": "attempt_30", "payment": "10000030", "bill": "30000025", "call": "call_25", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000005?done=1','https://pay.example/pay/linktoken00000000000000005?left=1','2026-11-26T14:31:26.500000+00:00');
INSERT INTO "link" VALUES('attempt_32','pl_00000000000000000006','open','["link", 4990, "EUR", "Bill 30000026, payment 10000032", {"attempt": "attempt_32", "bill": "30000026", "call": "call_26", "channel": "link", "payment": "10000032"}, "en", "https://pay.example/receipt/linktoken00000000000000006?done=1", "https://pay.example/pay/linktoken00000000000000006?left=1", "2026-11-26T14:31:38+00:00"]',4990,'EUR','Bill 30000026, payment 10000032','{"attempt": "attempt_32", "payment": "10000032", "bill": "30000026", "call": "call_26", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000006?done=1','https://pay.example/pay/linktoken00000000000000006?left=1','2026-11-26T14:31:38+00:00');
INSERT INTO "link" VALUES('attempt_34','pl_00000000000000000007','open','["link", 4990, "EUR", "Bill 30000027, payment 10000034", {"attempt": "attempt_34", "bill": "30000027", "call": "call_27", "channel": "link", "payment": "10000034"}, "en", "https://pay.example/receipt/linktoken00000000000000007?done=1", "https://pay.example/pay/linktoken00000000000000007?left=1", "2026-11-26T14:31:49.500000+00:00"]',4990,'EUR','Bill 30000027, payment 10000034','{"attempt": "attempt_34", "payment": "10000034", "bill": "30000027", "call": "call_27", "channel": "link"}','en','https://pay.example/receipt/linktoken00000000000000007?done=1','https://pay.example/pay/linktoken00000000000000007?left=1','2026-11-26T14:31:49.500000+00:00');
CREATE TABLE movement (
    key TEXT PRIMARY KEY,
    id TEXT UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'authorization', 'refund', 'tombstone')),
    state TEXT NOT NULL CHECK (
        state IN ('in_progress', 'pending', 'approved', 'authorized', 'voided', 'declined', 'fenced')
    ),
    fingerprint TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    refunded_minor INTEGER NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL,
    charge_id TEXT REFERENCES movement (id),
    code TEXT,
    authorisation_code TEXT,
    lookups_left INTEGER NOT NULL DEFAULT 0 CHECK (lookups_left >= 0),
    created_at TEXT NOT NULL,
    CHECK ((kind = 'tombstone') = (id IS NULL)),
    CHECK (kind != 'tombstone' OR state = 'fenced'),
    CHECK (kind = 'authorization' OR state NOT IN ('authorized', 'voided')),
    CHECK (state != 'declined' OR code IS NOT NULL),
    CHECK (refunded_minor = 0 OR (kind != 'refund' AND state = 'approved'))
);
INSERT INTO "movement" VALUES('attempt_1','ch_00000000000000000001','charge','approved','["charge", 4990, "EUR", "Bill 30000001, payment 10000001", {"attempt": "attempt_1", "bill": "30000001", "call": "call_1", "channel": "phone", "payment": "10000001"}, "card_00000000000000000001", null, null, false, null]',4990,1300,'EUR','Bill 30000001, payment 10000001','{"attempt": "attempt_1", "payment": "10000001", "bill": "30000001", "call": "call_1", "channel": "phone"}','visa','4242',NULL,NULL,'12306C',0,'2026-11-22T10:00:09.500000+00:00');
INSERT INTO "movement" VALUES('attempt_2','ch_00000000000000000002','charge','approved','["charge", 4990, "EUR", "Factura 30000002, pago 10000002", {"attempt": "attempt_2", "bill": "30000002", "call": "call_2", "channel": "phone", "payment": "10000002"}, "card_00000000000000000002", null, null, false, null]',4990,0,'EUR','Factura 30000002, pago 10000002','{"attempt": "attempt_2", "payment": "10000002", "bill": "30000002", "call": "call_2", "channel": "phone"}','visa','4242',NULL,NULL,'47CD2B',0,'2026-11-22T10:00:50+00:00');
INSERT INTO "movement" VALUES('attempt_3','ch_00000000000000000003','charge','approved','["charge", 4990, "EUR", "Bill 30000003, payment 10000003", {"attempt": "attempt_3", "bill": "30000003", "call": "call_3", "channel": "phone", "payment": "10000003"}, "card_00000000000000000003", null, null, false, null]',4990,0,'EUR','Bill 30000003, payment 10000003','{"attempt": "attempt_3", "payment": "10000003", "bill": "30000003", "call": "call_3", "channel": "phone"}','visa','4242',NULL,NULL,'343AB3',0,'2026-11-22T10:01:30.500000+00:00');
INSERT INTO "movement" VALUES('attempt_4','ch_00000000000000000004','charge','approved','["charge", 4990, "EUR", "Bill 30009001, payment 10000004", {"attempt": "attempt_4", "bill": "30009001", "call": "call_4", "channel": "phone", "payment": "10000004"}, "card_00000000000000000004", null, null, false, null]',4990,0,'EUR','Bill 30009001, payment 10000004','{"attempt": "attempt_4", "payment": "10000004", "bill": "30009001", "call": "call_4", "channel": "phone"}','visa','4242',NULL,NULL,'92D1E5',0,'2026-11-22T10:02:11.500000+00:00');
INSERT INTO "movement" VALUES('attempt_5','ch_00000000000000000005','charge','declined','["charge", 4990, "EUR", "Bill 30000005, payment 10000005", {"attempt": "attempt_5", "bill": "30000005", "call": "call_5", "channel": "phone", "payment": "10000005"}, "card_00000000000000000005", null, null, false, null]',4990,0,'EUR','Bill 30000005, payment 10000005','{"attempt": "attempt_5", "payment": "10000005", "bill": "30000005", "call": "call_5", "channel": "phone"}','visa','0002',NULL,'generic_decline',NULL,0,'2026-11-22T10:02:22+00:00');
INSERT INTO "movement" VALUES('attempt_6','ch_00000000000000000006','charge','declined','["charge", 4990, "EUR", "Bill 30000005, payment 10000006", {"attempt": "attempt_6", "bill": "30000005", "call": "call_5", "channel": "phone", "payment": "10000006"}, "card_00000000000000000006", null, null, false, null]',4990,0,'EUR','Bill 30000005, payment 10000006','{"attempt": "attempt_6", "payment": "10000006", "bill": "30000005", "call": "call_5", "channel": "phone"}','visa','0002',NULL,'generic_decline',NULL,0,'2026-11-22T10:02:31+00:00');
INSERT INTO "movement" VALUES('attempt_7',NULL,'tombstone','fenced','',0,0,'','','{}','','',NULL,NULL,NULL,0,'2026-11-22T10:03:15+00:00');
INSERT INTO "movement" VALUES('attempt_8','ch_00000000000000000007','charge','approved','["charge", 2000, "EUR", "Bill 30000007, payment 10000008", {"attempt": "attempt_8", "bill": "30000007", "call": "call_7", "channel": "phone", "payment": "10000008"}, "card_00000000000000000008", null, null, false, null]',2000,0,'EUR','Bill 30000007, payment 10000008','{"attempt": "attempt_8", "payment": "10000008", "bill": "30000007", "call": "call_7", "channel": "phone"}','visa','4242',NULL,NULL,'C4EA43',0,'2026-11-22T10:03:28.500000+00:00');
INSERT INTO "movement" VALUES('attempt_10','ch_00000000000000000008','charge','approved','["charge", 4990, "EUR", "Bill 30000009, payment 10000010", {"attempt": "attempt_10", "bill": "30000009", "call": "call_9", "channel": "phone", "payment": "10000010"}, "card_00000000000000000010", null, null, false, null]',4990,0,'EUR','Bill 30000009, payment 10000010','{"attempt": "attempt_10", "payment": "10000010", "bill": "30000009", "call": "call_9", "channel": "phone"}','visa','4242',NULL,NULL,'BC57AA',0,'2026-11-22T10:15:18.500000+00:00');
INSERT INTO "movement" VALUES('attempt_11','ch_00000000000000000009','charge','approved','["charge", 4990, "EUR", "Bill 30000010, payment 10000011", {"attempt": "attempt_11", "bill": "30000010", "call": "call_10", "channel": "phone", "payment": "10000011"}, "card_00000000000000000011", null, null, false, null]',4990,0,'EUR','Bill 30000010, payment 10000011','{"attempt": "attempt_11", "payment": "10000011", "bill": "30000010", "call": "call_10", "channel": "phone"}','visa','4242',NULL,NULL,'D91DDA',0,'2026-11-22T10:16:29+00:00');
INSERT INTO "movement" VALUES('refund_1','re_00000000000000000001','refund','approved','["refund", 1000, "EUR", "", {}, null, null, "ch_00000000000000000001", false, null]',1000,0,'EUR','','{}','visa','4242','ch_00000000000000000001',NULL,'21CD00',0,'2026-11-23T11:17:29+00:00');
INSERT INTO "movement" VALUES('refund_2','re_00000000000000000002','refund','declined','["refund", 274, "EUR", "", {}, null, null, "ch_00000000000000000001", false, null]',274,0,'EUR','','{}','visa','4242','ch_00000000000000000001','insufficient_funds',NULL,0,'2026-11-23T11:17:29+00:00');
INSERT INTO "movement" VALUES('refund_3','re_00000000000000000003','refund','approved','["refund", 300, "EUR", "", {}, null, null, "ch_00000000000000000001", false, null]',300,0,'EUR','','{}','visa','4242','ch_00000000000000000001',NULL,'47F447',0,'2026-11-23T11:18:29+00:00');
INSERT INTO "movement" VALUES('attempt_12','ch_00000000000000000010','charge','declined','["charge", 4990, "EUR", "Bill 30000011, payment 10000012", {"attempt": "attempt_12", "bill": "30000011", "call": "call_11", "channel": "phone", "payment": "10000012"}, "card_00000000000000000012", null, null, false, null]',4990,0,'EUR','Bill 30000011, payment 10000012','{"attempt": "attempt_12", "payment": "10000012", "bill": "30000011", "call": "call_11", "channel": "phone"}','visa','0002',NULL,'generic_decline',NULL,0,'2026-11-26T13:18:38.500000+00:00');
INSERT INTO "movement" VALUES('attempt_13','ch_00000000000000000011','charge','declined','["charge", 4990, "EUR", "Bill 30000011, payment 10000013", {"attempt": "attempt_13", "bill": "30000011", "call": "call_11", "channel": "phone", "payment": "10000013"}, "card_00000000000000000013", null, null, false, null]',4990,0,'EUR','Bill 30000011, payment 10000013','{"attempt": "attempt_13", "payment": "10000013", "bill": "30000011", "call": "call_11", "channel": "phone"}','visa','9995',NULL,'insufficient_funds',NULL,0,'2026-11-26T13:18:47.500000+00:00');
INSERT INTO "movement" VALUES('attempt_14','au_00000000000000000001','authorization','voided','["authorization", 4990, "EUR", "Bill 30000012, payment 10000014", {"attempt": "attempt_14", "bill": "30000012", "call": "call_12", "channel": "phone", "payment": "10000014"}, null, ["visa", "4242"], null, false, null]',4990,0,'EUR','Bill 30000012, payment 10000014','{"attempt": "attempt_14", "payment": "10000014", "bill": "30000012", "call": "call_12", "channel": "phone"}','visa','4242',NULL,NULL,NULL,0,'2026-11-26T13:19:57+00:00');
INSERT INTO "movement" VALUES('attempt_15','au_00000000000000000002','authorization','authorized','["authorization", 4990, "EUR", "Bill 30000013, payment 10000015", {"attempt": "attempt_15", "bill": "30000013", "call": "call_13", "channel": "phone", "payment": "10000015"}, null, ["visa", "4242"], null, false, null]',4990,0,'EUR','Bill 30000013, payment 10000015','{"attempt": "attempt_15", "payment": "10000015", "bill": "30000013", "call": "call_13", "channel": "phone"}','visa','4242',NULL,NULL,'70A5E5',0,'2026-11-26T13:21:45.750000+00:00');
INSERT INTO "movement" VALUES('attempt_16','ch_00000000000000000012','charge','approved','["charge", 4990, "EUR", "Bill 30000016, payment 10000016", {"attempt": "attempt_16", "bill": "30000016", "call": "call_16", "channel": "phone", "payment": "10000016"}, "card_00000000000000000014", null, null, true, null]',4990,0,'EUR','Bill 30000016, payment 10000016','{"attempt": "attempt_16", "payment": "10000016", "bill": "30000016", "call": "call_16", "channel": "phone"}','visa','4242',NULL,NULL,'C59505',0,'2026-11-26T13:22:43+00:00');
INSERT INTO "movement" VALUES('attempt_17','ch_00000000000000000013','charge','approved','["charge", 4990, "EUR", "Bill 30000017, payment 10000017", {"attempt": "attempt_17", "bill": "30000017", "call": "call_17", "channel": "phone", "payment": "10000017"}, "card_00000000000000000015", null, null, true, null]',4990,0,'EUR','Bill 30000017, payment 10000017','{"attempt": "attempt_17", "payment": "10000017", "bill": "30000017", "call": "call_17", "channel": "phone"}','visa','4242',NULL,NULL,'EF6FDD',0,'2026-11-26T13:23:53.500000+00:00');
INSERT INTO "movement" VALUES('attempt_18','ch_00000000000000000014','charge','approved','["charge", 4990, "EUR", "Bill 30000018, payment 10000018", {"attempt": "attempt_18", "bill": "30000018", "call": "call_18", "channel": "phone", "payment": "10000018"}, "card_00000000000000000016", null, null, true, null]',4990,0,'EUR','Bill 30000018, payment 10000018','{"attempt": "attempt_18", "payment": "10000018", "bill": "30000018", "call": "call_18", "channel": "phone"}','visa','4242',NULL,NULL,'2704B7',0,'2026-11-26T13:25:04+00:00');
INSERT INTO "movement" VALUES('attempt_19','ch_00000000000000000015','charge','approved','["charge", 4990, "EUR", "Bill 30000019, payment 10000019", {"attempt": "attempt_19", "bill": "30000019", "call": "call_19", "channel": "phone", "payment": "10000019"}, "card_00000000000000000017", null, null, true, null]',4990,0,'EUR','Bill 30000019, payment 10000019','{"attempt": "attempt_19", "payment": "10000019", "bill": "30000019", "call": "call_19", "channel": "phone"}','visa','4242',NULL,NULL,'8203D4',0,'2026-11-26T13:26:14.500000+00:00');
INSERT INTO "movement" VALUES('attempt_20','ch_00000000000000000016','charge','approved','["charge", 4990, "EUR", "Bill 30000020, payment 10000020", {"attempt": "attempt_20", "bill": "30000020", "call": "call_20", "channel": "phone", "payment": "10000020"}, "card_00000000000000000018", null, null, true, null]',4990,0,'EUR','Bill 30000020, payment 10000020','{"attempt": "attempt_20", "payment": "10000020", "bill": "30000020", "call": "call_20", "channel": "phone"}','visa','4242',NULL,NULL,'4F2648',0,'2026-11-26T13:27:25+00:00');
INSERT INTO "movement" VALUES('attempt_21','ch_00000000000000000017','charge','declined','["charge", 4990, "EUR", "Bill 30000021, payment 10000021", {"attempt": "attempt_21", "bill": "30000021", "call": "call_21", "channel": "phone", "payment": "10000021"}, "card_00000000000000000019", null, null, false, null]',4990,0,'EUR','Bill 30000021, payment 10000021','{"attempt": "attempt_21", "payment": "10000021", "bill": "30000021", "call": "call_21", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:29:35.500000+00:00');
INSERT INTO "movement" VALUES('attempt_23','ch_00000000000000000018','charge','declined','["charge", 2000, "EUR", "Bill 30000022, payment 10000023", {"attempt": "attempt_23", "bill": "30000022", "call": "call_22", "channel": "phone", "payment": "10000023"}, "card_00000000000000000020", null, null, false, null]',2000,0,'EUR','Bill 30000022, payment 10000023','{"attempt": "attempt_23", "payment": "10000023", "bill": "30000022", "call": "call_22", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:29:51+00:00');
INSERT INTO "movement" VALUES('attempt_25','ch_00000000000000000019','charge','declined','["charge", 4990, "EUR", "Bill 30000023, payment 10000025", {"attempt": "attempt_25", "bill": "30000023", "call": "call_23", "channel": "phone", "payment": "10000025"}, "card_00000000000000000021", null, null, false, null]',4990,0,'EUR','Bill 30000023, payment 10000025','{"attempt": "attempt_25", "payment": "10000025", "bill": "30000023", "call": "call_23", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:30:02.500000+00:00');
INSERT INTO "movement" VALUES('attempt_27','ch_00000000000000000020','charge','declined','["charge", 4990, "EUR", "Bill 30000024, payment 10000027", {"attempt": "attempt_27", "bill": "30000024", "call": "call_24", "channel": "phone", "payment": "10000027"}, "card_00000000000000000022", null, null, false, null]',4990,0,'EUR','Bill 30000024, payment 10000027','{"attempt": "attempt_27", "payment": "10000027", "bill": "30000024", "call": "call_24", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:30:14+00:00');
INSERT INTO "movement" VALUES('attempt_29','ch_00000000000000000021','charge','declined','["charge", 4990, "EUR", "Bill 30000025, payment 10000029", {"attempt": "attempt_29", "bill": "30000025", "call": "call_25", "channel": "phone", "payment": "10000029"}, "card_00000000000000000023", null, null, false, null]',4990,0,'EUR','Bill 30000025, payment 10000029','{"attempt": "attempt_29", "payment": "10000029", "bill": "30000025", "call": "call_25", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:30:25.500000+00:00');
INSERT INTO "movement" VALUES('attempt_31','ch_00000000000000000022','charge','declined','["charge", 4990, "EUR", "Bill 30000026, payment 10000031", {"attempt": "attempt_31", "bill": "30000026", "call": "call_26", "channel": "phone", "payment": "10000031"}, "card_00000000000000000024", null, null, false, null]',4990,0,'EUR','Bill 30000026, payment 10000031','{"attempt": "attempt_31", "payment": "10000031", "bill": "30000026", "call": "call_26", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:30:37+00:00');
INSERT INTO "movement" VALUES('attempt_33','ch_00000000000000000023','charge','declined','["charge", 4990, "EUR", "Bill 30000027, payment 10000033", {"attempt": "attempt_33", "bill": "30000027", "call": "call_27", "channel": "phone", "payment": "10000033"}, "card_00000000000000000025", null, null, false, null]',4990,0,'EUR','Bill 30000027, payment 10000033','{"attempt": "attempt_33", "payment": "10000033", "bill": "30000027", "call": "call_27", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:30:48.500000+00:00');
INSERT INTO "movement" VALUES('attempt_35','ch_00000000000000000024','charge','approved','["charge", 4990, "EUR", "Bill 30000049, payment 10000035", {"attempt": "attempt_35", "bill": "30000049", "call": "call_49", "channel": "phone", "payment": "10000035"}, "card_00000000000000000029", null, null, false, null]',4990,0,'EUR','Bill 30000049, payment 10000035','{"attempt": "attempt_35", "payment": "10000035", "bill": "30000049", "call": "call_49", "channel": "phone"}','visa','4242',NULL,NULL,'E2EFDA',0,'2026-11-26T13:32:36.250000+00:00');
INSERT INTO "movement" VALUES('attempt_37','ch_00000000000000000025','charge','approved','["charge", 4990, "EUR", "Bill 30000051, payment 10000037", {"attempt": "attempt_37", "bill": "30000051", "call": "call_51", "channel": "phone", "payment": "10000037"}, "card_00000000000000000031", null, null, false, null]',4990,0,'EUR','Bill 30000051, payment 10000037','{"attempt": "attempt_37", "payment": "10000037", "bill": "30000051", "call": "call_51", "channel": "phone"}','visa','4242',NULL,NULL,'5532D1',0,'2026-11-26T13:32:56+00:00');
INSERT INTO "movement" VALUES('attempt_38','ch_00000000000000000026','charge','approved','["charge", 4990, "EUR", "Bill 30000052, payment 10000038", {"attempt": "attempt_38", "bill": "30000052", "call": "call_52", "channel": "phone", "payment": "10000038"}, "card_00000000000000000032", null, null, true, null]',4990,0,'EUR','Bill 30000052, payment 10000038','{"attempt": "attempt_38", "payment": "10000038", "bill": "30000052", "call": "call_52", "channel": "phone"}','visa','4242',NULL,NULL,'C7ED95',0,'2026-11-26T13:33:05.750000+00:00');
INSERT INTO "movement" VALUES('attempt_39','ch_00000000000000000027','charge','approved','["charge", 4990, "EUR", "Bill 30000053, payment 10000039", {"attempt": "attempt_39", "bill": "30000053", "call": "call_53", "channel": "phone", "payment": "10000039"}, "card_00000000000000000033", null, null, false, null]',4990,0,'EUR','Bill 30000053, payment 10000039','{"attempt": "attempt_39", "payment": "10000039", "bill": "30000053", "call": "call_53", "channel": "phone"}','visa','4242',NULL,NULL,'86F703',0,'2026-11-26T13:33:15.500000+00:00');
INSERT INTO "movement" VALUES('attempt_40','ch_00000000000000000028','charge','approved','["charge", 4990, "EUR", "Bill 30000054, payment 10000040", {"attempt": "attempt_40", "bill": "30000054", "call": "call_54", "channel": "phone", "payment": "10000040"}, "card_00000000000000000034", null, null, false, null]',4990,0,'EUR','Bill 30000054, payment 10000040','{"attempt": "attempt_40", "payment": "10000040", "bill": "30000054", "call": "call_54", "channel": "phone"}','visa','4242',NULL,NULL,'1CC4C0',0,'2026-11-26T13:33:25.250000+00:00');
INSERT INTO "movement" VALUES('attempt_41','ch_00000000000000000029','charge','approved','["charge", 4990, "EUR", "Bill 30000055, payment 10000041", {"attempt": "attempt_41", "bill": "30000055", "call": "call_55", "channel": "phone", "payment": "10000041"}, "card_00000000000000000035", null, null, false, null]',4990,0,'EUR','Bill 30000055, payment 10000041','{"attempt": "attempt_41", "payment": "10000041", "bill": "30000055", "call": "call_55", "channel": "phone"}','visa','4242',NULL,NULL,'9D43D3',0,'2026-11-26T13:33:35+00:00');
INSERT INTO "movement" VALUES('attempt_42','ch_00000000000000000030','charge','approved','["charge", 4990, "EUR", "Bill 30000056, payment 10000042", {"attempt": "attempt_42", "bill": "30000056", "call": "call_56", "channel": "phone", "payment": "10000042"}, "card_00000000000000000036", null, null, false, null]',4990,0,'EUR','Bill 30000056, payment 10000042','{"attempt": "attempt_42", "payment": "10000042", "bill": "30000056", "call": "call_56", "channel": "phone"}','visa','4242',NULL,NULL,'4C0BBC',0,'2026-11-26T13:33:44.750000+00:00');
INSERT INTO "movement" VALUES('attempt_43','ch_00000000000000000031','charge','approved','["charge", 4990, "EUR", "Bill 30000057, payment 10000043", {"attempt": "attempt_43", "bill": "30000057", "call": "call_57", "channel": "phone", "payment": "10000043"}, "card_00000000000000000037", null, null, false, null]',4990,0,'EUR','Bill 30000057, payment 10000043','{"attempt": "attempt_43", "payment": "10000043", "bill": "30000057", "call": "call_57", "channel": "phone"}','visa','4242',NULL,NULL,'8DD868',0,'2026-11-26T13:33:54.500000+00:00');
INSERT INTO "movement" VALUES('attempt_44','ch_00000000000000000032','charge','approved','["charge", 4990, "EUR", "Bill 30000058, payment 10000044", {"attempt": "attempt_44", "bill": "30000058", "call": "call_58", "channel": "phone", "payment": "10000044"}, "card_00000000000000000038", null, null, false, null]',4990,0,'EUR','Bill 30000058, payment 10000044','{"attempt": "attempt_44", "payment": "10000044", "bill": "30000058", "call": "call_58", "channel": "phone"}','visa','4242',NULL,NULL,'5F8A7B',0,'2026-11-26T13:34:04.250000+00:00');
INSERT INTO "movement" VALUES('attempt_47','ch_00000000000000000033','charge','declined','["charge", 4990, "EUR", "Bill 30000066, payment 10000047", {"attempt": "attempt_47", "bill": "30000066", "call": "call_66", "channel": "phone", "payment": "10000047"}, "card_00000000000000000042", null, null, false, null]',4990,0,'EUR','Bill 30000066, payment 10000047','{"attempt": "attempt_47", "payment": "10000047", "bill": "30000066", "call": "call_66", "channel": "phone"}','visa','3155',NULL,'authentication_required',NULL,0,'2026-11-26T13:35:04.250000+00:00');
INSERT INTO "movement" VALUES('attempt_53','au_00000000000000000003','authorization','authorized','["authorization", 4990, "EUR", "Bill 30000071, payment 10000053", {"attempt": "attempt_53", "bill": "30000071", "call": "call_71", "channel": "phone", "payment": "10000053"}, null, ["visa", "4242"], null, false, null]',4990,0,'EUR','Bill 30000071, payment 10000053','{"attempt": "attempt_53", "payment": "10000053", "bill": "30000071", "call": "call_71", "channel": "phone"}','visa','4242',NULL,NULL,'83F123',0,'2026-11-26T13:35:28+00:00');
CREATE TABLE token (
    digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
    card_id TEXT NOT NULL REFERENCES card (id)
);
INSERT INTO "token" VALUES('90995f08214b1e2d126cff18ed360f35887dda75f8e7ca7335696f8ff28c6783','card_00000000000000000001');
INSERT INTO "token" VALUES('43c356991989ba7013ee313f2cde202d0edc0fb7931690acccac041bba01b722','card_00000000000000000002');
INSERT INTO "token" VALUES('6ddc2013a8c6bc5ea2aab83a81dab7f32e1e01bc95158e80410c06096634e12e','card_00000000000000000003');
INSERT INTO "token" VALUES('e80d5953c53f3c92e101836d7c519871ec2ccbae02e442e10f514fd5b7f7aaa1','card_00000000000000000004');
INSERT INTO "token" VALUES('e2861bcdc2a4fd91beb55bed3363f513001c12b88e5b6847039c7579ceed384e','card_00000000000000000005');
INSERT INTO "token" VALUES('85fa728fbf908c940a2c2b334b3116d1c9b567845c5bb467dff76509de5c6cf6','card_00000000000000000006');
INSERT INTO "token" VALUES('70a36449f2c78d045754ff98bce7e437379387e51483e7b9597e60c3480fa847','card_00000000000000000007');
INSERT INTO "token" VALUES('bbb9afa8dcaa3a1c2872ee37b06069431d5d2b266f112d92285adefcf5153ab3','card_00000000000000000008');
INSERT INTO "token" VALUES('8938a9f7b6e1bc978d7ef6346bdd89be058b9000635dfd0e4fcde99e8e1dadde','card_00000000000000000009');
INSERT INTO "token" VALUES('ceeb2431eb8f6be0961e0a9bcba0815373150045b94e97a226ed46d66a80f81b','card_00000000000000000010');
INSERT INTO "token" VALUES('b383e4dab32ed0071d31edb9b61f82b2c14530400eb4a1543b21b94991ff53bb','card_00000000000000000011');
INSERT INTO "token" VALUES('03957898ccf612b9a1c75932c759e6ce7a0fbee25c3867d3bbbf6319b032923d','card_00000000000000000012');
INSERT INTO "token" VALUES('da2fa30acaef6485d74fcffe4abff3012b53d4b9d90c0e720bcbd779382c6e95','card_00000000000000000013');
INSERT INTO "token" VALUES('ebc71370b768b0b80a4c21ada94324a371f8a41da551008487d447f59d39a0ec','card_00000000000000000014');
INSERT INTO "token" VALUES('e5a51114613941fe0392298871736455a07184cf06661ebb8c9a5b27ca06dad2','card_00000000000000000015');
INSERT INTO "token" VALUES('55090902ea95a4293548cc4381c970a1e51ce5d68f03acd33f112e2055a2d70c','card_00000000000000000016');
INSERT INTO "token" VALUES('1ff1d91217fcc047c8fe240c4b8f5bf600518c5b90fddb04bf910f690825c185','card_00000000000000000017');
INSERT INTO "token" VALUES('12596aa2ba5f4636168ee70e29a85afb5aa2a3128690a9a4d647f267571b3d69','card_00000000000000000018');
INSERT INTO "token" VALUES('95c9f13736c7f4513187d9f65eee463cacb8636d5d055339c14fa184de9f2289','card_00000000000000000019');
INSERT INTO "token" VALUES('f4916a031079287246a52e3ebc5292776f9795eb5aef2217fdbb47d19773593f','card_00000000000000000020');
INSERT INTO "token" VALUES('c20b3a5fe660d7ff8ad6f0d031b6dfc0fc1f3de90a4092d78cafd73f7f6a1a62','card_00000000000000000021');
INSERT INTO "token" VALUES('1ceed58e68fa04b8fe036595c73cef70ae490099a4f9f2e4236d2df76e575c2f','card_00000000000000000022');
INSERT INTO "token" VALUES('0b2810052e64e25b6036784a3a0159543dd7b14ac44bed16a60e4d47ead7eb07','card_00000000000000000023');
INSERT INTO "token" VALUES('ba7c9b80fa7f0721a1bf4f2e11e4cf6c65a81f82a224d52000d81371e86ffbf3','card_00000000000000000024');
INSERT INTO "token" VALUES('f41104dfc2b1bed2016575511551e1a824fa9ac984cc66d44c87f4c43467f89d','card_00000000000000000025');
INSERT INTO "token" VALUES('e8cdcf8bffd445bb68476bee662db3755bc402faea2a9e48cf9827de5163d30a','card_00000000000000000026');
INSERT INTO "token" VALUES('880ee19a5a3cc9725700eddaee1075216843dc1c2538c52a0e97c0a6da62843c','card_00000000000000000027');
INSERT INTO "token" VALUES('2b2bf5dafe8857a87424b2b4a97b8ab714ba21b244e728d69a454c59da439dca','card_00000000000000000028');
INSERT INTO "token" VALUES('18d16d053ad886e3408f35c03c7288100c6ba2c9e084efdc327818a263bd28b5','card_00000000000000000029');
INSERT INTO "token" VALUES('50225fb6250ec302af00f4b58b299a0b2ac93176d59fd3699d69796afc5c1c00','card_00000000000000000030');
INSERT INTO "token" VALUES('adfab3f74ed80ca8549aeb5d377159498801676df17b7b50e4c79a95c1773bd9','card_00000000000000000031');
INSERT INTO "token" VALUES('a6461fa85ff74db3c6a1afad2be5678f8890fd810a979605886e847ad48141c9','card_00000000000000000032');
INSERT INTO "token" VALUES('66a29506726eddedc30c990fe9247458b84d548e59886a2f36c0c99d1f385867','card_00000000000000000033');
INSERT INTO "token" VALUES('e6d307c78acdf0066c5564ee01cdb62735a6fddbf71c277ce2cdd3e98aa73611','card_00000000000000000034');
INSERT INTO "token" VALUES('adc7a7b02ee2bc9388a145771ab1e1d9df115b3991f01d72b2be5a9cf1b3f975','card_00000000000000000035');
INSERT INTO "token" VALUES('9158ce78f2109da0a2fc21e8422638f2d3851e674cc5942df01216914b4a6d8f','card_00000000000000000036');
INSERT INTO "token" VALUES('9656f994c03b18ae820bb1f4310b15db320085ccfc956b47076062adb76dd787','card_00000000000000000037');
INSERT INTO "token" VALUES('6edfe1ba23b20407aab79fd9cb40e67fc0feea6848b144c52f33691c3d707996','card_00000000000000000038');
INSERT INTO "token" VALUES('c87859b91043068aef8684930b49d980bac98b41e80d63487099ae478c701ae0','card_00000000000000000039');
INSERT INTO "token" VALUES('e13afcab16f6ae0948d8f54cd23e3db615190ceb7214ce0dbf4e98c7d5b39acd','card_00000000000000000040');
INSERT INTO "token" VALUES('fa052ab9b370c53cdc22633a0ec80f6a1defe141fb448603c354f2529c83ce20','card_00000000000000000041');
INSERT INTO "token" VALUES('4e82f6ec3a1fa5e2db1e10fbb217eb97ef0f024cb67de04c9ec230f087bba368','card_00000000000000000042');
CREATE INDEX movement_created ON movement (created_at);
CREATE INDEX movement_charge ON movement (charge_id);
COMMIT;
