import { Simulation, type SimulationResult, type TraceSink } from './simulation.ts';
import { drawWorld, type SimulationOptions, type World } from './world.ts';

/** The whole of the simulator behind two functions: whoever wants it on other sources than these loads this file anew. */
export interface Engine {
  readonly draw: (options: SimulationOptions) => World;
  readonly run: (world: World, sink?: TraceSink) => Promise<SimulationResult>;
}

export const engine: Engine = {
  draw: drawWorld,
  run: (world, sink) => new Simulation(world, sink).run(),
};
