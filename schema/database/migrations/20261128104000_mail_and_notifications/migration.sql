-- AlterTable
ALTER TABLE "users" ADD COLUMN "email_verified_at" TIMESTAMPTZ(3),
ADD COLUMN "language" TEXT;

-- An address that a provider has verified already is verified.
UPDATE "users" u SET "email_verified_at" = i."created_at"
FROM "identities" i WHERE i."user_id" = u."id" AND lower(i."email") = lower(u."email");

-- AlterTable
ALTER TABLE "invitations" ADD COLUMN "mail_code_hash" TEXT;

-- What is there already was seen by whoever looked: it makes no notifications. What comes does.
ALTER TABLE "environment_events" ADD COLUMN "is_told" BOOLEAN NOT NULL DEFAULT true;
ALTER TABLE "environment_events" ALTER COLUMN "is_told" SET DEFAULT false;
CREATE INDEX "environment_events_untold" ON "environment_events" ("at", "id") WHERE NOT "is_told";

-- CreateTable
CREATE TABLE "mails" (
    "id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "template" TEXT NOT NULL,
    "address_hash" TEXT NOT NULL,
    "sealed" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "run_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "problem" TEXT,

    CONSTRAINT "mails_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "mail_codes" (
    "code_hash" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "value" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "mail_codes_pkey" PRIMARY KEY ("code_hash")
);

-- CreateTable
CREATE TABLE "known_devices" (
    "user_id" TEXT NOT NULL,
    "device_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "known_devices_pkey" PRIMARY KEY ("user_id","device_hash")
);

-- CreateTable
CREATE TABLE "notifications" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "key" TEXT,
    "thing_id" TEXT,
    "values" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "read_at" TIMESTAMPTZ(3),
    "is_hidden" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "notifications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "notification_preferences" (
    "user_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "is_inbox" BOOLEAN NOT NULL,
    "is_mail" BOOLEAN NOT NULL,

    CONSTRAINT "notification_preferences_pkey" PRIMARY KEY ("user_id","kind")
);

-- CreateIndex
CREATE UNIQUE INDEX "invitations_mail_code_hash_key" ON "invitations"("mail_code_hash");

-- CreateIndex
CREATE INDEX "mails_address_hash_created_at_idx" ON "mails"("address_hash", "created_at");

-- CreateIndex
CREATE INDEX "mails_state_created_at_idx" ON "mails"("state", "created_at");

-- What is due, in the order in which it is taken.
CREATE INDEX "mails_due" ON "mails" ("run_at", "id") WHERE "state" = 'waiting';

-- CreateIndex
CREATE INDEX "mail_codes_user_id_purpose_idx" ON "mail_codes"("user_id", "purpose");

-- CreateIndex
CREATE INDEX "known_devices_last_used_at_idx" ON "known_devices"("last_used_at");

-- CreateIndex
CREATE UNIQUE INDEX "notifications_user_id_key_key" ON "notifications"("user_id", "key");

-- CreateIndex
CREATE INDEX "notifications_user_id_created_at_id_idx" ON "notifications"("user_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "notifications_created_at_idx" ON "notifications"("created_at");

-- How many are unread is asked at every change.
CREATE INDEX "notifications_unread" ON "notifications" ("user_id") WHERE "read_at" IS NULL AND NOT "is_hidden";

-- AddForeignKey
ALTER TABLE "mail_codes" ADD CONSTRAINT "mail_codes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "known_devices" ADD CONSTRAINT "known_devices_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notification_preferences" ADD CONSTRAINT "notification_preferences_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
