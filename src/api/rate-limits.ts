import { ClientAddresses } from './client-address.ts';
import { RateLimiter } from './rate-limit.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { ApiLimits } from './config.ts';
import type { RateVerdict } from './rate-limit.ts';

/** The buckets of one node. What must hold cluster-wide is counted in the log instead. */
export class RateLimits {
  readonly #account: RateLimiter;
  readonly #accountTransfer: RateLimiter;
  readonly #address: RateLimiter;
  readonly #addressLogin: RateLimiter;
  readonly #sessionSignals: RateLimiter;
  readonly #accountPassword: RateLimiter;
  readonly #hook: RateLimiter;

  constructor(limits: ApiLimits, nowMs: () => number = () => performance.now()) {
    this.#account = new RateLimiter(limits.perAccount, limits.bucketsMax, nowMs);
    this.#accountTransfer = new RateLimiter(limits.perAccountTransfer, limits.bucketsMax, nowMs);
    this.#address = new RateLimiter(limits.perAddress, limits.bucketsMax, nowMs);
    this.#addressLogin = new RateLimiter(limits.perAddressLogin, limits.bucketsMax, nowMs);
    this.#accountPassword = new RateLimiter(limits.perAccountPassword, limits.bucketsMax, nowMs);
    this.#hook = new RateLimiter(limits.perHook, limits.bucketsMax, nowMs);
    this.#sessionSignals = new RateLimiter(limits.perSessionSignals, limits.bucketsMax, nowMs);
  }

  /** Any request. */
  address(address: string): RateVerdict {
    return this.#address.take(ClientAddresses.limitKey(address));
  }

  /** A request or frame of somebody who is logged in. */
  account(account: string): RateVerdict {
    return this.#account.take(account);
  }

  /** A chunk of a file, or the beginning of reading one. */
  transfer(account: string): RateVerdict {
    return this.#accountTransfer.take(account);
  }

  /** What a session says of presence and typing. */
  signals(session: string): RateVerdict {
    return this.#sessionSignals.take(session);
  }

  /** Beginning to register a password. */
  password(account: AccountId): RateVerdict {
    return this.#accountPassword.take(account);
  }

  /** What is said by a webhook, by who has shown its secret. */
  hook(hook: string): RateVerdict {
    return this.#hook.take(hook);
  }

  /** Registering, logging in, asking for a device, and tokens that this node does not know. */
  login(address: string): RateVerdict {
    return this.#addressLogin.take(ClientAddresses.limitKey(address));
  }
}
