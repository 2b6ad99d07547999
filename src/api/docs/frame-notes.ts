import type { CLIENT_FRAMES, SERVER_FRAMES } from '../../protocol/http/frames.ts';

export type ClientFrameType = keyof typeof CLIENT_FRAMES;
export type ServerFrameType = keyof typeof SERVER_FRAMES;

export interface ClientFrameNote {
  readonly summary: string;
  /** What comes back, beside an `error` with the same `ref`; nothing where the frame has no answer. */
  readonly answer: ServerFrameType | null;
}

/** What the schemas of the frames do not say by themselves. The types keep both tables complete. */
export const CLIENT_FRAME_NOTES: Readonly<Record<ClientFrameType, ClientFrameNote>> = {
  identify: { summary: 'The first frame: the live feed from now on.', answer: 'ready' },
  resume: {
    summary: 'The first frame of who comes back: exactly what followed the cursor, then what happens.',
    answer: 'ready',
  },
  send: {
    summary: 'A message. As idempotent as over HTTP: the same txnId is the same message, on any node.',
    answer: 'sent',
  },
  ping: { summary: 'Whether anybody is there.', answer: 'pong' },
  ack: { summary: 'Everything up to `delivered` has arrived, everything up to `read` was read.', answer: null },
  typing: { summary: 'The own account writes, or has stopped; to be repeated while it goes on.', answer: null },
  presence: { summary: 'How others are to see the own account from now on.', answer: null },
  watch: { summary: 'Whose presence to tell of, in place of all who were named before.', answer: 'presence' },
};

export const SERVER_FRAME_NOTES: Readonly<Record<ServerFrameType, string>> = {
  hello: 'The first frame of a node: who speaks. A client that hears nothing for two heartbeats reconnects.',
  ready: 'The feed is open. With `recovered: false` what lies before `cursor` has to be read room by room.',
  sent: 'The message is on the disks of a majority, and has its place in the room for good.',
  event: 'Something happened that concerns the own account. Keep `cursor`: `resume` goes on behind it.',
  pong: 'The answer to `ping`.',
  error: 'With a `ref`: what became of the frame that had it. Without: why the socket is closed right after.',
  goaway: 'This node is about to close the socket: resume on one of `alternatives`, after `retryAfterMs`.',
  typing: 'Somebody in a room writes.',
  presence: 'How people are who are watched: at first all, then those who change.',
};
