-- CreateTable
CREATE TABLE "saml_modules" (
    "module_id" TEXT NOT NULL,
    "sealed_key" TEXT NOT NULL,
    "certificate" TEXT NOT NULL,
    "metadata" JSONB,
    "metadata_url" TEXT,
    "fetched_at" TIMESTAMPTZ(3),
    "checked_at" TIMESTAMPTZ(3),
    "problem" TEXT,

    CONSTRAINT "saml_modules_pkey" PRIMARY KEY ("module_id")
);

-- CreateTable
CREATE TABLE "saml_assertions" (
    "id_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "saml_assertions_pkey" PRIMARY KEY ("id_hash")
);

-- CreateIndex
CREATE INDEX "saml_assertions_expires_at_idx" ON "saml_assertions"("expires_at");

-- AddForeignKey
ALTER TABLE "saml_modules" ADD CONSTRAINT "saml_modules_module_id_fkey" FOREIGN KEY ("module_id") REFERENCES "sign_in_modules"("id") ON DELETE CASCADE ON UPDATE CASCADE;
