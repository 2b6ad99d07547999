/**
 * The three tests of FastChat (github.com/theashwinabraham/FastChat), as `report.txt` of its commit db813b1 gives
 * them, with what it reached. Its `tester.py` runs them: half the clients are there from the beginning and half come
 * five seconds later, each sends to each, one after the other, with a pause after every message that is drawn evenly
 * from eleven values between nothing and twice the mean. Its `analysis.py` counts the throughput as the mean rate of
 * runs of 100 messages, and of 50 images.
 */
export interface FastChatTest {
  readonly name: string;
  readonly clients: number;
  readonly iterations: number;
  readonly pauseMs: number;
  /** Share of the messages that are images of 3.5 MB. */
  readonly imageShare: number;
  readonly published: FastChatFigures;
}

export interface FastChatFigures {
  readonly servers: number;
  /** Milliseconds from sending until the other side has it, an image whole. */
  readonly meanLatencyMs: number;
  readonly messagesPerSecond: { readonly in: number; readonly out: number };
  readonly imagesPerSecond: { readonly in: number; readonly out: number } | null;
}

/** “Size 3.5MB”. */
export const IMAGE_BYTES = 3_500_000;
export const LATE_BY_MS = 5_000;
export const MESSAGES_PER_RUN = 100;
export const IMAGES_PER_RUN = 50;

export const FASTCHAT_TESTS: readonly FastChatTest[] = [
  {
    name: 'test1',
    clients: 20,
    iterations: 20,
    pauseMs: 500,
    imageShare: 0,
    published: { servers: 1, meanLatencyMs: 307, messagesPerSecond: { in: 43.6, out: 44.3 }, imagesPerSecond: null },
  },
  {
    name: 'test2',
    clients: 50,
    iterations: 10,
    pauseMs: 500,
    imageShare: 0,
    published: { servers: 5, meanLatencyMs: 372, messagesPerSecond: { in: 128.3, out: 133.8 }, imagesPerSecond: null },
  },
  {
    name: 'test3',
    clients: 20,
    iterations: 10,
    pauseMs: 500,
    imageShare: 0.1,
    published: {
      servers: 3,
      meanLatencyMs: 20_587,
      messagesPerSecond: { in: 33.2, out: 27.6 },
      imagesPerSecond: { in: 1.22, out: 1.56 },
    },
  },
];
