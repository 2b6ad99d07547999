/** Requests under way at once while a scene is set. */
const LANES = 16;

/** Does `work` for 0 … count − 1, so many at a time. */
export async function inLanes(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
