-- CreateTable
CREATE TABLE "client_credentials" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "prefix" TEXT NOT NULL DEFAULT '',
    "secret_hash" TEXT,
    "public_jwk" JSONB,
    "scopes" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "last_used_address" TEXT,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "client_credentials_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "used_assertions" (
    "id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "used_assertions_pkey" PRIMARY KEY ("id")
);

-- AlterTable
ALTER TABLE "api_tokens" ADD COLUMN     "client_credential_id" TEXT,
ADD COLUMN     "known_addresses" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "last_used_address" TEXT,
ADD COLUMN     "rotated_from" TEXT,
ADD COLUMN     "scopes" JSONB;

-- CreateIndex
CREATE UNIQUE INDEX "client_credentials_secret_hash_key" ON "client_credentials"("secret_hash");

-- CreateIndex
CREATE INDEX "client_credentials_user_id_idx" ON "client_credentials"("user_id");

-- CreateIndex
CREATE INDEX "used_assertions_expires_at_idx" ON "used_assertions"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_tokens_rotated_from_key" ON "api_tokens"("rotated_from");

-- CreateIndex
CREATE INDEX "api_tokens_prefix_idx" ON "api_tokens"("prefix");

-- CreateIndex
CREATE INDEX "api_tokens_client_credential_id_idx" ON "api_tokens"("client_credential_id");

-- AddForeignKey
ALTER TABLE "client_credentials" ADD CONSTRAINT "client_credentials_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_rotated_from_fkey" FOREIGN KEY ("rotated_from") REFERENCES "api_tokens"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_client_credential_id_fkey" FOREIGN KEY ("client_credential_id") REFERENCES "client_credentials"("id") ON DELETE CASCADE ON UPDATE CASCADE;
