ALTER TABLE "namespaces" ADD COLUMN "deleted_at" TIMESTAMPTZ(3);
