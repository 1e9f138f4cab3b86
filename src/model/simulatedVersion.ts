/** What the simulated engine calls itself to whoever asks: known by it where it is somebody's server that is up. */
export const simulatedVersion = "tandem-simulated-1";
