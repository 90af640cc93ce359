-- AlterTable
ALTER TABLE "sign_in_requests" ADD COLUMN     "link_user_id" TEXT;

-- CreateTable
CREATE TABLE "session_checks" (
    "session_id" TEXT NOT NULL,
    "module_id" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "sealed" TEXT,
    "provider_session" TEXT,
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_checks_pkey" PRIMARY KEY ("session_id")
);

-- CreateIndex
CREATE INDEX "session_checks_checked_at_idx" ON "session_checks"("checked_at");

-- CreateIndex
CREATE INDEX "session_checks_module_id_subject_idx" ON "session_checks"("module_id", "subject");

-- AddForeignKey
ALTER TABLE "session_checks" ADD CONSTRAINT "session_checks_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_checks" ADD CONSTRAINT "session_checks_module_id_fkey" FOREIGN KEY ("module_id") REFERENCES "sign_in_modules"("id") ON DELETE CASCADE ON UPDATE CASCADE;
