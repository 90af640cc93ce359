-- SSH keys: when they expire, where they were last used from, and whether a security key must know its holder.
ALTER TABLE "ssh_keys"
  ADD COLUMN "expires_at" TIMESTAMPTZ(3),
  ADD COLUMN "last_used_from" TEXT,
  ADD COLUMN "verify_required" BOOLEAN NOT NULL DEFAULT false;
