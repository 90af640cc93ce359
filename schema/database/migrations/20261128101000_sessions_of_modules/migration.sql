-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "module_id" TEXT;

-- CreateIndex
CREATE INDEX "sessions_module_id_idx" ON "sessions"("module_id");

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_module_id_fkey" FOREIGN KEY ("module_id") REFERENCES "sign_in_modules"("id") ON DELETE SET NULL ON UPDATE CASCADE;
