-- CreateTable
CREATE TABLE "shares" (
    "id" TEXT NOT NULL,
    "environment_id" TEXT NOT NULL,
    "user_id" TEXT,
    "group_id" TEXT,
    "access" TEXT NOT NULL,
    "ports" INTEGER[] DEFAULT ARRAY[]::INTEGER[],
    "note" TEXT NOT NULL DEFAULT '',
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "ended_by" TEXT,

    CONSTRAINT "shares_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "share_entries" (
    "share_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "environment_id" TEXT NOT NULL,
    "last_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "share_entries_pkey" PRIMARY KEY ("share_id","user_id")
);

-- CreateIndex
CREATE INDEX "shares_environment_id_created_at_idx" ON "shares"("environment_id", "created_at");

-- CreateIndex
CREATE INDEX "shares_user_id_idx" ON "shares"("user_id");

-- CreateIndex
CREATE INDEX "shares_group_id_idx" ON "shares"("group_id");

-- CreateIndex
CREATE INDEX "share_entries_environment_id_last_at_idx" ON "share_entries"("environment_id", "last_at");

-- AddForeignKey
ALTER TABLE "shares" ADD CONSTRAINT "shares_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "shares" ADD CONSTRAINT "shares_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "shares" ADD CONSTRAINT "shares_created_by_fkey" FOREIGN KEY ("created_by") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "share_entries" ADD CONSTRAINT "share_entries_share_id_fkey" FOREIGN KEY ("share_id") REFERENCES "shares"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "share_entries" ADD CONSTRAINT "share_entries_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- One at a time for each user and group.
CREATE UNIQUE INDEX "shares_open_user_key" ON "shares"("environment_id", "user_id") WHERE "ended_at" IS NULL;
CREATE UNIQUE INDEX "shares_open_group_key" ON "shares"("environment_id", "group_id") WHERE "ended_at" IS NULL;

-- What the sweep of expired ones reads.
CREATE INDEX "shares_due_idx" ON "shares"("expires_at") WHERE "ended_at" IS NULL AND "expires_at" IS NOT NULL;

-- Exactly one of them.
ALTER TABLE "shares" ADD CONSTRAINT "shares_guest_check" CHECK (("user_id" IS NULL) <> ("group_id" IS NULL));
