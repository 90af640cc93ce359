-- The keys that the installation signs SSH certificates with, as `signing_keys` are those of tickets.
CREATE TABLE "ssh_authorities" (
    "id" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "private_jwk" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "ssh_authorities_pkey" PRIMARY KEY ("id")
);
