-- AlterTable
ALTER TABLE "platforms" ADD COLUMN     "applied_settings" JSONB,
ADD COLUMN     "cluster_version" TEXT,
ADD COLUMN     "features" JSONB,
ADD COLUMN     "is_draining" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "problems" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "removed_at" TIMESTAMPTZ(3),
ADD COLUMN     "settings" JSONB,
ADD COLUMN     "settings_applied_version" INTEGER,
ADD COLUMN     "settings_problem" TEXT,
ADD COLUMN     "settings_version" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "ssh_host_keys" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "storage_classes" JSONB;

-- AlterTable
ALTER TABLE "templates" ADD COLUMN     "instance_types" JSONB NOT NULL DEFAULT '[]';

-- AlterTable
ALTER TABLE "environments" ADD COLUMN     "disk_bytes" BIGINT,
ADD COLUMN     "disk_capacity_bytes" BIGINT,
ADD COLUMN     "disk_problem" TEXT,
ADD COLUMN     "instance_type" JSONB,
ADD COLUMN     "instance_type_id" TEXT,
ADD COLUMN     "restored_from" TEXT;

-- CreateTable
CREATE TABLE "instance_types" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "spec" JSONB NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "instance_types_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "snapshots" (
    "id" TEXT NOT NULL,
    "environment_id" TEXT NOT NULL,
    "owner_id" TEXT NOT NULL,
    "platform_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "freeze" TEXT NOT NULL DEFAULT 'none',
    "generation" INTEGER,
    "is_quiet" BOOLEAN,
    "reason" TEXT,
    "failure" JSONB,
    "size_bytes" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "taken_at" TIMESTAMPTZ(3),
    "ready_at" TIMESTAMPTZ(3),
    "deleted_at" TIMESTAMPTZ(3),
    "deadline_at" TIMESTAMPTZ(3),

    CONSTRAINT "snapshots_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "snapshots_environment_id_idx" ON "snapshots"("environment_id");

-- CreateIndex
CREATE INDEX "snapshots_owner_id_created_at_idx" ON "snapshots"("owner_id", "created_at");

-- AddForeignKey
ALTER TABLE "environments" ADD CONSTRAINT "environments_instance_type_id_fkey" FOREIGN KEY ("instance_type_id") REFERENCES "instance_types"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "environments" ADD CONSTRAINT "environments_restored_from_fkey" FOREIGN KEY ("restored_from") REFERENCES "snapshots"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_platform_id_fkey" FOREIGN KEY ("platform_id") REFERENCES "platforms"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What Prisma's schema language cannot say; `npm run drift` leaves it alone.

-- A name is free again once its instance type is deleted.
CREATE UNIQUE INDEX "instance_types_name_key" ON "instance_types"("name") WHERE "deleted_at" IS NULL;

-- One cut of a volume after the other.
CREATE UNIQUE INDEX "snapshots_waiting_key" ON "snapshots"("environment_id") WHERE "state" = 'waiting';

-- What schedulers ask for, and the sweep of overdue ones.
CREATE INDEX "snapshots_open_idx" ON "snapshots"("platform_id") WHERE "state" IN ('waiting', 'taking', 'deleting');
CREATE INDEX "snapshots_deadline_at_idx" ON "snapshots"("deadline_at") WHERE "deadline_at" IS NOT NULL;
