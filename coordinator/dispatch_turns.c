#include "coordinator/dispatch_turns.h"

#include <stddef.h>

static void take_out(struct ff_turns *turns, const struct ff_turn *turn)
{
    struct ff_turn **link = &turns->first;
    while (*link != turn)
        link = &(*link)->next;
    *link = turn->next;
}

/* Behind those of the same time: equals take turns. */
static void put_in(struct ff_turns *turns, struct ff_turn *turn)
{
    struct ff_turn **link = &turns->first;
    while (*link && (*link)->time_ms <= turn->time_ms)
        link = &(*link)->next;
    turn->next = *link;
    *link = turn;
}

static void move_to(struct ff_turns *turns, struct ff_turn *turn, double time_ms)
{
    take_out(turns, turn);
    turn->time_ms = time_ms;
    put_in(turns, turn);
}

void ff_turns_add(struct ff_turns *turns, struct ff_turn *turn, double weight, bool express)
{
    *turn = (struct ff_turn){.time_ms = turns->now_ms, .weight = weight, .express = express};
    put_in(turns, turn);
}

void ff_turns_remove(struct ff_turns *turns, struct ff_turn *turn)
{
    take_out(turns, turn);
}

static struct ff_turn *find_waiting(struct ff_turn *turn, bool express)
{
    while (turn && !(turn->waits && turn->express == express))
        turn = turn->next;
    return turn;
}

void ff_turns_set_waiting(struct ff_turns *turns, struct ff_turn *turn, bool waits)
{
    const struct ff_turn *first = find_waiting(turns->first, turn->express);
    double start_ms = first ? first->time_ms : turns->now_ms;
    if (waits && !turn->waits && turn->time_ms <= start_ms)
        move_to(turns, turn, start_ms);
    turn->waits = waits;
}

struct ff_turn *ff_turns_next(const struct ff_turns *turns, const struct ff_turn *turn)
{
    bool express_first = turns->lane_ms < FF_TURNS_LANE_MS;
    bool express = turn ? turn->express : express_first;
    struct ff_turn *next = find_waiting(turn ? turn->next : turns->first, express);
    if (next || express != express_first)
        return next;
    return find_waiting(turns->first, !express_first);
}

/* Nobody is owed anything for the time when only short jobs waited. */
static void charge_lane(struct ff_turns *turns, const struct ff_turn *turn, double ms)
{
    turns->lane_ms += turn->express ? ms : -ms;
    if (turns->lane_ms < 0 || !find_waiting(turns->first, false))
        turns->lane_ms = 0;
}

void ff_turns_take(struct ff_turns *turns, struct ff_turn *turn, double ms)
{
    if (!turn->express)
        turns->now_ms = turn->time_ms;
    ff_turns_settle(turns, turn, ms);
}

void ff_turns_settle(struct ff_turns *turns, struct ff_turn *turn, double ms)
{
    charge_lane(turns, turn, ms);
    move_to(turns, turn, turn->time_ms + ms / turn->weight);
}
