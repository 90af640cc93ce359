-- CreateTable
CREATE TABLE "audit_entries" (
    "id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,
    "actor_login" TEXT,
    "credential_id" TEXT,
    "address" TEXT,
    "request_id" TEXT,
    "action" TEXT NOT NULL,
    "thing_id" TEXT,
    "thing_name" TEXT,
    "outcome" TEXT NOT NULL,
    "details" JSONB NOT NULL DEFAULT '{}',
    "number" BIGINT,
    "hash" TEXT,
    "sealed_at" TIMESTAMPTZ(3),

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_heads" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "number" BIGINT NOT NULL DEFAULT 0,
    "hash" TEXT NOT NULL,
    "exported_number" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "audit_heads_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "audit_entries_number_key" ON "audit_entries"("number");

-- CreateIndex
CREATE INDEX "audit_entries_at_id_idx" ON "audit_entries"("at", "id");

-- CreateIndex
CREATE INDEX "audit_entries_actor_id_at_idx" ON "audit_entries"("actor_id", "at");

-- CreateIndex
CREATE INDEX "audit_entries_thing_id_at_idx" ON "audit_entries"("thing_id", "at");
