import { base32nopad } from '@scure/base';
import { sha256 } from '@noble/hashes/sha2.js';
import { nobleEd25519 } from '../crypto/ed25519.ts';
import { TOTP_SECRET_BYTES } from '../crypto/totp.ts';
import { passwordWrappingKey } from '../crypto/vault.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { factorRemovalBytes, passwordSetBytes, totpEnableBytes } from '../protocol/login-statements.ts';
import { userKeyOf } from './identity-keys.ts';
import { factorChanged, factors, passwordSet, passwordStarted } from './login-answers.ts';
import { checkedPassword } from './password.ts';
import type { FactorsReplyT } from '../protocol/http/login.ts';
import type { AccountId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Vault } from './vault.ts';

const CALL_MS_MAX = 30_000;
const ISSUER = 'Parley';

export interface NewTotp {
  /** 20 bytes; kept until a code shows that the phone has it. */
  readonly secret: Uint8Array;
  /** For authenticator apps, as a QR code or to be typed: `otpauth://…`. */
  readonly uri: string;
  /** What is in it, in base32, for typing. */
  readonly text: string;
}

export interface PasswordSet {
  /** Of the vault that was made by this; null where there was one already. To be shown once, and written down. */
  readonly recoveryCode: string | null;
}

/** What one's account may be logged in to with, beside its devices. Every change is signed by the user key. */
export class Factors {
  readonly #context: ClientContext;
  readonly #vault: Vault;

  constructor(context: ClientContext, vault: Vault) {
    this.#context = context;
    this.#vault = vault;
  }

  async status(): Promise<FactorsReplyT> {
    return this.#context.readNewest('/v1/login', factors, CALL_MS_MAX);
  }

  /**
   * Sets a password, in the place of one that there may be, and makes the vault where there is none.
   *
   * @param opensVault whether the password alone opens the vault. Then whoever breaks into a node can guess at it there,
   *   as fast as their machines allow. Without it: as it was, and not for a new vault.
   * @throws ParleyError `password_weak`
   */
  async setPassword(typed: string, opensVault?: boolean): Promise<PasswordSet> {
    const password = checkedPassword(typed);
    const { row } = await this.#context.own();
    const identifiers = { client: row.name, server: await this.#context.cluster() };
    const opaque = await this.#context.platform.loadOpaque();
    const start = await opaque.startRegistration(password);
    const body = { request: toBase64Url(start.request) };
    const answer = await this.#context.session.call(
      { method: 'POST', path: '/v1/password/start', body, answer: passwordStarted },
      CALL_MS_MAX,
    );
    const response = fromBase64Url(answer.response);
    const { record, exportKey } = await opaque.finishRegistration(start, password, identifiers, response);
    const { setup } = answer;
    const signed = await this.#signed((change) => passwordSetBytes(change, { record, setup }));
    await this.#context.session.call(
      {
        method: 'PUT',
        path: '/v1/password',
        body: { record: toBase64Url(record), setup, ...signed },
        answer: passwordSet,
      },
      CALL_MS_MAX,
    );
    const passwordKey = passwordWrappingKey(exportKey);
    const recoveryCode = await this.#vault.change((contents) => {
      const opens = opensVault ?? contents.passwordKey !== null;
      return { ...contents, passwordKey: opens ? passwordKey : null };
    });
    return { recoveryCode };
  }

  /**
   * The second factor goes with it; devices and the recovery code stay.
   * @throws ParleyError `no_password`
   */
  async removePassword(): Promise<void> {
    await this.#remove('password', '/v1/password');
    if ((await this.status()).vault === null) return;
    await this.#vault.change((contents) => ({ ...contents, passwordKey: null }));
  }

  /** A secret for a phone. Nothing is asked for before `enableTotp`. */
  async newTotp(): Promise<NewTotp> {
    const { row } = await this.#context.own();
    const secret = this.#context.platform.random(TOTP_SECRET_BYTES);
    const text = base32nopad.encode(secret);
    const label = `${ISSUER}:${encodeURIComponent(row.name)}`;
    const uri = `otpauth://totp/${label}?secret=${text}&issuer=${ISSUER}&algorithm=SHA1&digits=6&period=30`;
    return { secret, uri, text };
  }

  /**
   * From now on the password asks for a code of the phone too.
   * @param code what the phone shows
   * @throws ParleyError `totp_wrong`, `no_password`
   */
  async enableTotp({ secret }: Pick<NewTotp, 'secret'>, code: string): Promise<void> {
    const signed = await this.#signed((change) => totpEnableBytes(change, sha256(secret)));
    const body = { secret: toBase64Url(secret), code: checkedTotpCode(code), ...signed };
    await this.#context.session.call({ method: 'PUT', path: '/v1/totp', body, answer: factorChanged }, CALL_MS_MAX);
  }

  async disableTotp(): Promise<void> {
    await this.#remove('totp', '/v1/totp');
  }

  async #remove(factor: 'password' | 'totp', path: string): Promise<void> {
    const { signature, txnId } = await this.#signed((change) => factorRemovalBytes(change, factor));
    const query = `?signature=${signature}&txnId=${txnId}`;
    await this.#context.session.call({ method: 'DELETE', path: path + query, answer: factorChanged }, CALL_MS_MAX);
  }

  async #signed(
    statement: (change: { readonly account: AccountId; readonly txnId: TxnId }) => Uint8Array,
  ): Promise<{ readonly signature: string; readonly txnId: TxnId }> {
    const { row } = await this.#context.own();
    const { platform } = this.#context;
    const user = userKeyOf(row, platform);
    if (user === null) throw new ParleyError('forbidden', 'This device does not hold the user key.');
    const txnId = this.#context.newTxnId();
    const { ed25519 = nobleEd25519 } = platform;
    const signature = ed25519.sign(user.signing.secretKey, statement({ account: row.account, txnId }));
    return { signature: toBase64Url(signature), txnId };
  }
}

/** @throws ParleyError `totp_wrong` */
export function checkedTotpCode(typed: string): string {
  const code = typed.replaceAll(/[\s-]/g, '');
  if (!/^\d{6}$/.test(code)) throw new ParleyError('totp_wrong', 'A code of the phone has six digits.');
  return code;
}
