import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { nobleEd25519 } from '../crypto/ed25519.ts';
import { createSessionSecret } from '../crypto/tokens.ts';
import { passwordWrappingKey } from '../crypto/vault.ts';
import { parseRecoveryCode, recoverySigningKey } from '../crypto/vault-recovery-code.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { loginProofBytes, recoveryProofBytes } from '../protocol/login-statements.ts';
import { LoginProof } from './login-proof.ts';
import { granted, loginStarted, recoveryChallenge } from './login-answers.ts';
import { checkedTotpCode } from './factors.ts';
import { checkedName, checkFreeHome } from './own-identity.ts';
import { checkedPassword, normalPassword } from './password.ts';
import type { Static } from '@sinclair/typebox';
import type { LoginStartReply } from '../protocol/http/login.ts';
import type { AccountName, ClusterId } from '../protocol/ids.ts';
import type { Account } from './account.ts';
import type { ClientContext } from './context.ts';
import type { Factors } from './factors.ts';
import type { LoginStage } from './login-stage.ts';
import type { Enrolled } from './own-identity.ts';

const CALL_MS_MAX = 30_000;

export interface LoginOptions {
  readonly onStage?: (stage: LoginStage) => void;
  readonly signal?: AbortSignal;
  /** How long to wait by itself where nodes ask for it; without it, not at all. */
  readonly patienceMs?: number;
}

export interface SignedUp extends Enrolled {
  /** To be shown once, and written down: the only way back when password and devices are lost. */
  readonly recoveryCode: string;
}

/** The password was right; one step is left. */
export interface LoginAttempt {
  /**
   * @param totp the code that the phone shows, where one is asked for
   * @throws ParleyError `totp_required` (ask for it, and finish again), `totp_wrong` (log in again), `account_banned`
   */
  finish(totp?: string): Promise<LoginProof>;
}

/** Getting into an account: a new one, or one that has no device here yet. */
export class Login {
  readonly #context: ClientContext;
  readonly #account: Account;
  readonly #factors: Factors;

  constructor(context: ClientContext, parts: { readonly account: Account; readonly factors: Factors }) {
    this.#context = context;
    this.#account = parts.account;
    this.#factors = parts.factors;
  }

  /**
   * A new account with a password and a vault. Where it is interrupted after the account was made, `setPassword` of
   * `Factors` does what is left.
   *
   * @throws ParleyError `password_weak`, and as `Account.register`
   */
  async signUp(
    wanted: {
      readonly name: string;
      readonly password: string;
      readonly invite?: string;
      readonly opensVault?: boolean;
    },
    { onStage = () => {} }: Pick<LoginOptions, 'onStage'> = {},
  ): Promise<SignedUp> {
    const password = checkedPassword(wanted.password);
    await checkFreeHome(this.#context);
    onStage({ stage: 'registering' });
    const enrolled = await this.#account.register(wanted.name, wanted.invite);
    onStage({ stage: 'computing' });
    const { recoveryCode } = await this.#factors.setPassword(password, wanted.opensVault ?? false);
    return { ...enrolled, recoveryCode: recoveryCode! };
  }

  /**
   * Proves a password to the nodes, which never see it.
   *
   * @throws ParleyError `password_wrong`; `login_delayed` with `retryAfterMs`
   */
  async begin(
    who: { readonly name: string; readonly password: string },
    options: LoginOptions = {},
  ): Promise<LoginAttempt> {
    const { onStage = () => {} } = options;
    const name = checkedName(who.name);
    const password = normalPassword(who.password);
    await checkFreeHome(this.#context);
    onStage({ stage: 'asking' });
    await this.#context.joinCluster(CALL_MS_MAX);
    const cluster = await this.#context.cluster();
    const opaque = await this.#context.platform.loadOpaque();
    const start = await opaque.startLogin(password);
    const answer = await this.#start(name, start.request, options);
    if (answer.cluster !== cluster) throw new ParleyError('wrong_cluster');
    onStage({ stage: 'computing' });
    const identifiers = { client: name, server: cluster };
    const done = await opaque.finishLogin(start, password, identifiers, fromBase64Url(answer.response));
    if (done === null) throw new ParleyError('password_wrong');
    const { finish, sessionKey, exportKey } = done;
    const passwordKey = passwordWrappingKey(exportKey);
    return {
      finish: async (totp) => {
        onStage({ stage: 'proving' });
        const code = totp === undefined ? {} : { totp: checkedTotpCode(totp) };
        const body = { state: answer.state, finish: toBase64Url(finish), ...code };
        const proof = await this.#prove(name, cluster, '/v1/login/finish', (binding) => ({
          ...body,
          proof: toBase64Url(hmac(sha256, sessionKey, loginProofBytes(binding))),
        }));
        const renewal = proof.renew ? () => this.#factors.setPassword(password) : null;
        return new LoginProof(this.#context, { ...proof, onStage, opening: { by: 'password', passwordKey }, renewal });
      },
    };
  }

  /**
   * Back into an account by its recovery code, without password and phone. Then set a new password.
   *
   * @throws ParleyError `recovery_code_mistyped`, `recovery_refused`, `device_exists` in a home that has an account
   */
  async recover(
    who: { readonly name: string; readonly recoveryCode: string },
    { onStage = () => {} }: Pick<LoginOptions, 'onStage'> = {},
  ): Promise<Enrolled> {
    const name = checkedName(who.name);
    const recoverySecret = parseRecoveryCode(who.recoveryCode);
    if (recoverySecret === null) throw new ParleyError('recovery_code_mistyped');
    await checkFreeHome(this.#context);
    onStage({ stage: 'asking' });
    await this.#context.joinCluster(CALL_MS_MAX);
    const cluster = await this.#context.cluster();
    const asked = await this.#context.api.call(
      { method: 'POST', path: '/v1/recovery/challenge', body: { account: name }, answer: recoveryChallenge },
      CALL_MS_MAX,
    );
    if (asked.cluster !== cluster) throw new ParleyError('wrong_cluster');
    onStage({ stage: 'proving' });
    const { ed25519 = nobleEd25519 } = this.#context.platform;
    const { secretKey } = recoverySigningKey(recoverySecret);
    const challenge = fromBase64Url(asked.challenge);
    const proof = await this.#prove(name, cluster, '/v1/recovery', (binding) => ({
      account: name,
      challenge: asked.challenge,
      signature: toBase64Url(ed25519.sign(secretKey, recoveryProofBytes({ ...binding, challenge }))),
    }));
    const opening = { by: 'recovery', recoverySecret } as const;
    return new LoginProof(this.#context, { ...proof, onStage, opening, renewal: null }).enrol();
  }

  async #start(
    name: AccountName,
    request: Uint8Array,
    { onStage = () => {}, patienceMs = 0, signal }: LoginOptions,
  ): Promise<Static<typeof LoginStartReply>> {
    const { platform, api } = this.#context;
    const giveUpAt = platform.nowMs() + patienceMs;
    const body = { account: name, request: toBase64Url(request) };
    for (;;) {
      const outcome = await api.withNode(
        CALL_MS_MAX,
        (endpoint, attemptMs) =>
          api
            .attempt(endpoint, { method: 'POST', path: '/v1/login/start', body, answer: loginStarted }, attemptMs)
            .catch(delayOf),
        signal,
      );
      if (!(outcome instanceof ParleyError)) return outcome;
      const retryAfterMs = Number(outcome.data['retryAfterMs'] ?? 0);
      if (platform.nowMs() + retryAfterMs > giveUpAt || signal?.aborted === true) throw outcome;
      onStage({ stage: 'waiting', retryAfterMs });
      await platform.pause(retryAfterMs, signal);
      onStage({ stage: 'asking' });
    }
  }

  /** The same request to whichever node, but for the origin that is authenticated in it. */
  async #prove(
    name: AccountName,
    cluster: ClusterId,
    path: string,
    bodyFor: (binding: Parameters<typeof loginProofBytes>[0]) => object,
  ) {
    const { api, platform } = this.#context;
    const grant = createSessionSecret(platform.random);
    const txnId = this.#context.newTxnId();
    const reply = await api.withNode(CALL_MS_MAX, (origin, attemptMs) => {
      const binding = { cluster, origin, name, grantHash: grant.hash, txnId };
      const body = { ...bodyFor(binding), origin, grantHash: toBase64Url(grant.hash), txnId };
      return api.attempt(origin, { method: 'POST', path, body, answer: granted }, attemptMs);
    });
    return { name, grant: grant.secret, account: reply.accountId, renew: reply.renew };
  }
}

/** A node that asks to wait speaks for the whole cluster. */
function delayOf(error: unknown): ParleyError {
  if (error instanceof ParleyError && error.code === 'login_delayed') return error;
  throw error;
}
