import type { NodeName } from '../../protocol/ids.ts';

/** All subjects of one cluster stand below one prefix, so that several clusters can share a NATS. */
export class Subjects {
  readonly prefix: string;
  /** What every node subscribes to. */
  readonly all: string;
  /** Where the server repeats the account's disconnect events. */
  readonly disconnected: string;

  constructor(tagHex: string) {
    this.prefix = `parley.${tagHex}`;
    this.all = `${this.prefix}.all`;
    this.disconnected = `${this.prefix}.disconnected`;
  }

  node(node: NodeName): string {
    return `${this.prefix}.node.${node}`;
  }

  /** Nobody answers here; what counts is whether anybody listens. */
  ping(node: NodeName): string {
    return `${this.prefix}.ping.${node}`;
  }

  /** Where `self` is told that nobody listens on the ping subject of `watched`. */
  absence(self: NodeName, watched: NodeName | '*'): string {
    return `${this.prefix}.absent.${self}.${watched}`;
  }

  /** The only subjects a node's user may publish to and subscribe to. */
  permissions(self: NodeName): { readonly publish: readonly string[]; readonly subscribe: readonly string[] } {
    return {
      publish: [`${this.prefix}.node.*`, this.all, `${this.prefix}.ping.*`],
      subscribe: [this.node(self), this.all, this.ping(self), this.absence(self, '*'), this.disconnected],
    };
  }
}
