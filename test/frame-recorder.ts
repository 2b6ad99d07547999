import { connect, nkeyAuthenticator } from 'nats';
import { ClusterKeys } from '../src/node/transport/cluster-keys.ts';
import { nodeNkey } from '../src/node/transport/node-nkey.ts';
import { Subjects } from '../src/node/transport/subjects.ts';
import { ClusterSecret } from '../src/node/cluster-secret.ts';
import type { NatsConnection } from 'nats';
import type { ClusterLayout, NodePlace } from '../src/cli/local-cluster/layout.ts';

const FRAMES_MAX = 20_000;

export interface RecordedFrame {
  readonly subject: string;
  readonly bytes: Buffer;
}

/** Somebody on the NATS of a node, with its user: hears what it hears, and says it again. */
export class FrameRecorder {
  readonly #nats: NatsConnection;
  #recorded: RecordedFrame[] = [];

  private constructor(nats: NatsConnection, subjects: readonly string[]) {
    this.#nats = nats;
    for (const subject of subjects) {
      nats.subscribe(subject, {
        callback: (_, { data }) => {
          if (this.#recorded.length < FRAMES_MAX) this.#recorded.push({ subject, bytes: Buffer.from(data) });
        },
      });
    }
  }

  static async at({ name, natsPort }: NodePlace, { secretFile }: ClusterLayout): Promise<FrameRecorder> {
    const keys = new ClusterKeys(ClusterSecret.read(secretFile).derive('transport'));
    const subjects = new Subjects(keys.tagHex);
    const nats = await connect({
      servers: `127.0.0.1:${natsPort}`,
      authenticator: nkeyAuthenticator(nodeNkey(keys, name).seed),
    });
    return new FrameRecorder(nats, [subjects.all, subjects.node(name)]);
  }

  /** What was heard since this was called last. */
  take(): RecordedFrame[] {
    const taken = this.#recorded;
    this.#recorded = [];
    return taken;
  }

  async repeat(frames: readonly RecordedFrame[]): Promise<void> {
    for (const { subject, bytes } of frames) this.#nats.publish(subject, bytes);
    await this.#nats.flush();
  }

  close(): Promise<void> {
    return this.#nats.close();
  }
}
