import { randomBytes } from 'node:crypto';
import { loginSetupCount, sealedLoginSetup } from '../../chat/queries-login.ts';
import { loadOpaqueNode } from '../../crypto/opaque-server.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { labelled } from '../../protocol/labelled.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { submit } from '../submit.ts';
import type { FastifyRequest } from 'fastify';
import type { TxnId } from '../../protocol/ids.ts';
import type { ApiContext } from '../context.ts';

const TXN_RANDOM_BYTES = 10;

export interface LoginSetup {
  readonly version: number;
  /** Secret of the nodes, 128 bytes. */
  readonly keys: Uint8Array;
}

/** The nodes' keys for OPAQUE: in the replicated state, sealed. The first ones are made when they are needed first. */
export class LoginSetups {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** @throws ParleyError what keeps the first ones from the log */
  async newest(): Promise<LoginSetup> {
    if (loginSetupCount(this.#context.node.reader) === 0) await this.#addFirst();
    return this.of(loginSetupCount(this.#context.node.reader));
  }

  /**
   * For names without a password: what is answered for them does not change when further setups come, as it does not
   * for those who have one, until they log in.
   */
  async first(): Promise<LoginSetup> {
    await this.newest();
    return this.of(1);
  }

  of(version: number): LoginSetup {
    const { node } = this.#context;
    const sealed = sealedLoginSetup(node.reader, version);
    const keys = sealed === undefined ? null : node.seal.open(sealedFor(version), sealed);
    if (keys === null) throw new Error(`The login setup ${version} of this cluster does not open.`);
    return { version, keys };
  }

  /** Further ones, for an admin. Asking again under the same txnId adds none. @returns the newest version */
  async add(request: Pick<FastifyRequest, 'raw' | 'session'>, txnId: TxnId): Promise<number> {
    await this.newest();
    const { node } = this.#context;
    const body = await this.#fresh(loginSetupCount(node.reader) + 1);
    try {
      const command = { kind: 'login.add-setup', actor: request.session, txnId, body } as const;
      return (await submit(this.#context, command, request)).version;
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'txn_reused') throw error;
      return loginSetupCount(node.reader);
    }
  }

  /** Another node may be first. */
  async #addFirst(): Promise<void> {
    const { node, time } = this.#context;
    const txnId = makeTxnId(time.nowMs(), new Uint8Array(randomBytes(TXN_RANDOM_BYTES)));
    const body = await this.#fresh(1);
    try {
      await submit(this.#context, { kind: 'login.add-setup', actor: null, txnId, body });
    } catch (error) {
      if (loginSetupCount(node.reader) === 0) throw error;
    }
  }

  async #fresh(version: number): Promise<{ readonly version: number; readonly sealed: Uint8Array }> {
    const opaque = await loadOpaqueNode();
    return { version, sealed: this.#context.node.seal.seal(sealedFor(version), opaque.createSetup()) };
  }
}

const sealedFor = (version: number): Uint8Array => labelled('login-setup', `${version}`);
