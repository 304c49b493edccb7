/** Milliseconds of processor time since the start: unlike the clock it does not run on while a busy
 * machine does something else. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
