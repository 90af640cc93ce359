-- AlterTable
ALTER TABLE "environments" ADD COLUMN "cleanup_at" TIMESTAMPTZ(3),
ADD COLUMN "cleanup_warned_at" TIMESTAMPTZ(3),
ADD COLUMN "kept_at" TIMESTAMPTZ(3);
