import { ClientAddresses } from './client-address.ts';
import { RateLimiter } from './rate-limit.ts';
import type { ApiLimits } from './config.ts';
import type { RateVerdict } from './rate-limit.ts';

/** The buckets of one node. What must hold cluster-wide is counted in the log instead. */
export class RateLimits {
  readonly #account: RateLimiter;
  readonly #address: RateLimiter;
  readonly #addressLogin: RateLimiter;

  constructor(limits: ApiLimits, nowMs: () => number = () => performance.now()) {
    this.#account = new RateLimiter(limits.perAccount, limits.bucketsMax, nowMs);
    this.#address = new RateLimiter(limits.perAddress, limits.bucketsMax, nowMs);
    this.#addressLogin = new RateLimiter(limits.perAddressLogin, limits.bucketsMax, nowMs);
  }

  /** Any request. @throws ParleyError `rate_limited` */
  address(address: string): RateVerdict {
    return this.#address.takeOrRefuse(ClientAddresses.limitKey(address));
  }

  /** A request or frame of somebody who is logged in. @throws ParleyError `rate_limited` */
  account(account: string): RateVerdict {
    return this.#account.takeOrRefuse(account);
  }

  /** Registering, logging in, asking for a device. @throws ParleyError `rate_limited` */
  login(address: string): RateVerdict {
    return this.#addressLogin.takeOrRefuse(ClientAddresses.limitKey(address));
  }
}
