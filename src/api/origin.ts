import { ParleyError } from '../protocol/errors.ts';
import type { ChatNode } from '../node/ports.ts';

/** For so long the list of current members' URLs is believed before it is asked for again. */
const REFRESH_MS = 1_000;
const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Which web origins this cluster is reached under: the advertised URLs of its current members, this node's own
 * addresses, and `--origin`. The same list says which pages may call the API (`Origin`, CORS), where the web app may
 * connect to, and for which address a device may sign a login.
 */
export class Origins {
  readonly #node: Pick<ChatNode, 'clusterView'>;
  readonly #fixed = new Set<string>();
  readonly #nowMs: () => number;
  #allowed: ReadonlySet<string> = new Set();
  #readAtMs = Number.NEGATIVE_INFINITY;

  /** @throws ParleyError `usage` for a configured origin that is no URL */
  constructor(node: Pick<ChatNode, 'clusterView'>, configured: readonly string[], nowMs = () => performance.now()) {
    this.#node = node;
    this.#nowMs = nowMs;
    for (const url of configured) {
      const origin = originOf(url);
      if (origin === null) throw new ParleyError('usage', `${url} is not an origin like https://chat.example.org.`);
      this.#fixed.add(origin);
    }
  }

  /** Called when the node knows where it listens. Loopback addresses stand for each other. */
  addListening(url: string): void {
    const origin = originOf(url);
    if (origin === null) return;
    const { protocol, hostname, port } = new URL(origin);
    const hosts = LOOPBACK_HOSTS.includes(hostname) || isAnyHost(hostname) ? LOOPBACK_HOSTS : [];
    for (const host of [hostname, ...hosts]) this.#fixed.add(originOf(`${protocol}//${host}:${port}`)!);
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  /** All of them, for a Content-Security-Policy. */
  list(): readonly string[] {
    return [...this.#current()];
  }

  allows(url: string): boolean {
    const origin = originOf(url);
    return origin !== null && this.#current().has(origin);
  }

  /**
   * Browsers send `Origin`; programs do not, and need not.
   *
   * @throws ParleyError `origin_not_allowed`
   */
  check(header: string | undefined): void {
    if (header !== undefined && !this.allows(header)) throw new ParleyError('origin_not_allowed');
  }

  #current(): ReadonlySet<string> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#readAtMs > REFRESH_MS) {
      const members = this.#node.clusterView().nodes.flatMap(({ url }) => (url === null ? [] : [originOf(url)]));
      this.#allowed = new Set([...this.#fixed, ...members.filter((origin) => origin !== null)]);
      this.#readAtMs = nowMs;
    }
    return this.#allowed;
  }
}

/** `scheme://host:port` in its one form, or null for what is not http(s). */
function originOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  const origin =
    parsed.protocol === 'ws:' || parsed.protocol === 'wss:' ? parsed.origin.replace(/^ws/, 'http') : parsed.origin;
  return /^https?:/.test(origin) ? origin : null;
}

function isAnyHost(hostname: string): boolean {
  return hostname === '0.0.0.0' || hostname === '[::]';
}
