/** Connections that may be open at the same time. Beyond, the process could not even write down what happens. */
export class ConnectionBudget {
  private readonly most: number;
  private open = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** Whether there is one left; then it is taken. */
  take(): boolean {
    if (this.open >= this.most) return false;
    this.open++;
    return true;
  }

  giveBack(): void {
    this.open--;
  }
}

export const unlimited = new ConnectionBudget(Infinity);
