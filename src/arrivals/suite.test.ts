import { atOnce } from "./atOnce.ts";
import { closedLoop } from "./closedLoop.ts";
import { describeArrivals } from "./describeArrivals.ts";
import { every } from "./every.ts";
import { poisson } from "./poisson.ts";

describeArrivals(() => every({ seconds: 8 }), { perSecond: 1 / 8 });
describeArrivals(() => every({ seconds: 0.25, startAfter: 3 }), { perSecond: 4 });
describeArrivals(() => poisson({ perSecond: 20 }), { perSecond: 20 });
describeArrivals(() => atOnce());
describeArrivals(() => closedLoop({ concurrency: 8 }));
describeArrivals(() => closedLoop({ concurrency: 1, thinkSeconds: 2 }));
