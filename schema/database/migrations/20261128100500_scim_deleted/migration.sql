-- AlterTable
ALTER TABLE "scim_users" ADD COLUMN     "deleted_at" TIMESTAMPTZ(3);
