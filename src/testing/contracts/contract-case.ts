/** One promise of a port, as a check that any implementation has to pass. `run` rejects when it does not hold. */
export interface ContractCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}
