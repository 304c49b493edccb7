/** Shows people how far training is. */
export interface Progress {
  /** @param epoch counted from 1
   * @param epochs how many there will be
   * @param batches that one has, where that is known */
  startEpoch(epoch: number, epochs: number, batches: number | undefined): void;
  /** @param done batches of this epoch
   * @param loss of the last
   * @param rates of the schedules */
  step(done: number, loss: number, rates: Readonly<Record<string, number>>): void;
  close(): void;
}
