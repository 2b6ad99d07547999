import { isVaultOf, openVault, sealVault } from '../crypto/vault.ts';
import { recoveryCodeOf } from '../crypto/vault-recovery-code.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { userKeyOf } from './identity-keys.ts';
import { vaultIn, vaultPut, vaultShown } from './login-answers.ts';
import { KEY, readRow, writeRow } from './rows.ts';
import { decodeVaultContents, encodeVaultContents, pinsOf, VAULT_PINS_MAX } from './vault-contents.ts';
import type { SignedVault } from '../crypto/vault.ts';
import type { UserKey } from '../crypto/identity.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { VaultContents } from './vault-contents.ts';

const CALL_MS_MAX = 30_000;
/** Devices of one person that change it at once read it again, so often. */
const TRIES_MAX = 5;

/**
 * One's own vault: the signing key and whom one knows, sealed so that nodes can keep it. What is told of it is taken
 * only if the user key has signed it and it is not older than what this device has seen.
 */
export class Vault {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /**
   * The recovery code as it is now, for a person's eyes.
   * @throws ParleyError `no_vault`, `vault_downgraded`
   */
  async recoveryCode(): Promise<string> {
    const vault = await this.#read(CALL_MS_MAX);
    if (vault === null) throw new ParleyError('no_vault');
    return recoveryCodeOf(vault.contents.recoverySecret);
  }

  /** A new recovery code, in the place of the one before, which opens nothing any more. Makes the vault if need be. */
  async newRecoveryCode(): Promise<string> {
    const recoverySecret = this.#context.platform.random(32);
    await this.change((contents) => ({ ...contents, recoverySecret }));
    return recoveryCodeOf(recoverySecret);
  }

  /**
   * Puts in whom this device has met since, if there is a vault; asks nobody where there is nothing to put in.
   * @returns whether there was
   */
  async keepPins(deadlineMs = CALL_MS_MAX): Promise<boolean> {
    const { store } = this.#context.platform;
    const isDue = await store.transaction(async (tx) => {
      if ((await readRow(tx, 'vaultVersion')) === undefined) return false;
      const met = (await tx.list(KEY.pinPrefix)).length;
      return met !== (await readRow(tx, 'pinsKept')) && met <= VAULT_PINS_MAX;
    });
    if (!isDue) return false;
    await this.change((contents) => contents, deadlineMs);
    return true;
  }

  /**
   * Seals the next version.
   * @returns the code of a vault that was made by this, null where there was one
   */
  async change(next: (contents: VaultContents) => VaultContents, deadlineMs = CALL_MS_MAX): Promise<string | null> {
    const { row } = await this.#context.own();
    const user = userKeyOf(row, this.#context.platform);
    if (user === null) throw new ParleyError('forbidden', 'This device does not hold the user key.');
    for (let tries = 1; ; tries++) {
      const before = await this.#read(deadlineMs);
      const fresh = before?.contents ?? this.#empty(user);
      const contents = next({ ...fresh, pins: await this.#allPins(fresh) });
      try {
        await this.#put(user, (before?.version ?? 0) + 1, contents, deadlineMs);
        return before === null ? recoveryCodeOf(contents.recoverySecret) : null;
      } catch (error) {
        if (!(error instanceof ParleyError) || error.code !== 'vault_conflict' || tries === TRIES_MAX) throw error;
      }
    }
  }

  #empty(user: UserKey): VaultContents {
    const recoverySecret = this.#context.platform.random(32);
    return { userSecret: user.signing.secretKey, recoverySecret, passwordKey: null, pins: [] };
  }

  async #allPins({ pins }: VaultContents): Promise<VaultContents['pins']> {
    const own = await this.#context.platform.store.transaction(pinsOf);
    return [...new Map([...pins, ...own].map((pin) => [pin.account, pin])).values()];
  }

  async #put(user: UserKey, version: number, contents: VaultContents, deadlineMs: number): Promise<void> {
    const { random } = this.#context.platform;
    const vault = sealVault(user, version, encodeVaultContents(contents), contents, random);
    await this.#context.session.call(
      {
        method: 'PUT',
        path: '/v1/vault',
        body: { ...vaultJson(vault), txnId: this.#context.newTxnId() },
        answer: vaultPut,
      },
      deadlineMs,
    );
    await rememberVersion(this.#context, version);
    await this.#context.platform.store.transaction(async (tx) => {
      writeRow(tx, 'pinsKept', (await tx.list(KEY.pinPrefix)).length);
    });
  }

  /** @returns null where there is none, and this device has never seen one */
  async #read(deadlineMs: number): Promise<{ readonly version: number; readonly contents: VaultContents } | null> {
    const { row } = await this.#context.own();
    const user = userKeyOf(row, this.#context.platform);
    if (user === null) throw new ParleyError('forbidden', 'This device does not hold the user key.');
    const told = await this.#context.readNewest('/v1/vault', vaultShown, deadlineMs).catch((error: unknown) => {
      if (error instanceof ParleyError && error.code === 'no_vault') return null;
      throw error;
    });
    const vault = told === null ? null : vaultIn(told);
    await checkVersion(this.#context, vault?.version ?? 0);
    if (vault === null) return null;
    const opened = openVault(row.account, vault, { by: 'user', user });
    return { version: vault.version, contents: checkedContents(row.account, user.signing.publicKey, vault, opened) };
  }
}

/** @throws ParleyError `vault_downgraded` for an older version than this device has seen */
async function checkVersion(context: ClientContext, version: number): Promise<void> {
  const seen = (await context.platform.store.transaction((tx) => readRow(tx, 'vaultVersion'))) ?? 0;
  if (version < seen) {
    const detail = `A node shows version ${version} of the vault, but this device has seen ${seen}: refused.`;
    throw new ParleyError('vault_downgraded', detail, { data: { version, seen } });
  }
  if (version > seen) await rememberVersion(context, version);
}

async function rememberVersion({ platform }: ClientContext, version: number): Promise<void> {
  await platform.store.transaction(async (tx) => {
    if (((await readRow(tx, 'vaultVersion')) ?? 0) < version) writeRow(tx, 'vaultVersion', version);
  });
}

/**
 * What a vault holds that was opened.
 * @throws ParleyError `vault_downgraded` for one that the user key did not sign, or that is not in its proper form
 */
export function checkedContents(
  account: AccountId,
  userKey: Uint8Array,
  vault: SignedVault,
  opened: Uint8Array | null,
): VaultContents {
  const contents = opened === null ? null : decodeVaultContents(opened);
  if (contents === null || !isVaultOf(account, userKey, vault)) {
    throw new ParleyError('vault_downgraded', 'The user key did not sign this vault: refused.');
  }
  return contents;
}

function vaultJson(vault: SignedVault): object {
  return {
    version: vault.version,
    recoveryKey: toBase64Url(vault.recoveryKey),
    userWrap: toBase64Url(vault.userWrap),
    recoveryWrap: toBase64Url(vault.recoveryWrap),
    passwordWrap: vault.passwordWrap === null ? null : toBase64Url(vault.passwordWrap),
    sealed: toBase64Url(vault.sealed),
    signature: toBase64Url(vault.signature),
  };
}
