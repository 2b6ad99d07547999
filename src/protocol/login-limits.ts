/** A growing delay: how many attempts are free, how the wait grows behind them, and how fast they are forgotten. */
export interface DelayTable {
  /** Attempts in a row without any wait. */
  readonly free: number;
  /** After the first that is not free; each further one doubles it, */
  readonly firstMs: number;
  /** up to this. There is no lockout. */
  readonly maxMs: number;
  /** One attempt is forgotten in so long. */
  readonly forgetMs: number;
}

/** Bounds of logging in by password. Units are the last word of each name. */
export const LOGIN_LIMITS = {
  /** Attempts on one name, from wherever: 4 free, then 1 s, 2 s, 4 s … 15 min. A login that succeeds clears it. */
  nameDelays: { free: 4, firstMs: 1_000, maxMs: 15 * 60_000, forgetMs: 3_600_000 },
  /** Attempts from one address, on whichever names: 20 free, then 1 s, 2 s, 4 s … 60 s. */
  addressDelays: { free: 20, firstMs: 1_000, maxMs: 60_000, forgetMs: 60_000 },
  /** Names without account whose attempts are counted apart; all further ones are counted together. */
  strangerNamesMax: 100_000,
  /** From the node's answer to a start until its finish. */
  loginTtlMs: 5 * 60_000,
  /** How long one may enrol a device after proving a password or a recovery code. */
  grantTtlMs: 15 * 60_000,
  /** RFC 9807 with ristretto255 and SHA-512: what a node keeps of a password. */
  passwordRecordBytes: 192,
  setupsMax: 1_000,
  sealedSetupBytesMax: 512,
  sealedTotpBytesMax: 256,
  /** What a vault holds, sealed. */
  vaultBytesMax: 64 * 1024,
  /** A vault key, sealed: nonce, key, tag. */
  vaultWrapBytes: 24 + 32 + 16,
  totpStepMs: 30_000,
  /** How far a phone's clock may be off, in steps. */
  totpStepsOff: 1,
  passwordBytesMax: 1_024,
  passwordCharactersMin: 8,
} as const satisfies Record<string, number | DelayTable>;
