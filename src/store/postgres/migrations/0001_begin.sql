-- What an engineer, a row, the inbox, … are now: documents in JSON, with what is asked for beside them. Text is ordered by its bytes
-- (collate "C"), whatever the database's own order is.
create table carepass.engineers (
    key text collate "C" primary key,
    version bigint not null,
    body text not null
);

-- Destroyed with the row.
create table carepass.data_keys (
    engineer text collate "C" primary key,
    wrapped bytea not null
);

-- The id is written so that it sorts as the model does (layout.rs). A row that has settled has no lane, no step and no time.
create table carepass.enrollments (
    id text collate "C" primary key,
    lane text collate "C",
    step text collate "C",
    wake_micros bigint,
    wake_nanos smallint,
    version bigint not null,
    body text not null
);

-- When must somebody look at which row again?
create index enrollments_wake on carepass.enrollments (lane, step, wake_micros, wake_nanos, id) where lane is not null;

-- The steps at which rows of a lane stand: one look into the index for each, however many rows there are.
create function carepass.steps_of(wanted text) returns setof text language sql stable as $$
    with recursive found(step) as (
        (select step from carepass.enrollments where lane = wanted order by step limit 1)
        union all
        select (select rows.step from carepass.enrollments rows where rows.lane = wanted and rows.step > found.step
            order by rows.step limit 1)
        from found where found.step is not null
    )
    select step from found where step is not null
$$;

-- By the SHA-256 of source and id, whose texts may hold what a text of PostgreSQL's may not.
create table carepass.received (
    key bytea primary key,
    body text not null
);

create table carepass.holders (
    tag bytea primary key,
    engineer text collate "C" not null
);

create table carepass.parked (
    id text collate "C" primary key,
    at_micros bigint not null,
    at_nanos smallint not null,
    body text not null
);

create index parked_since on carepass.parked (at_micros, at_nanos, id);

create table carepass.letters (
    id text collate "C" primary key,
    sealed bytea not null
);

-- Sealed bytes cannot be pressed together; trying costs time.
alter table carepass.letters alter column sealed set storage external;

create table carepass.bookmarks (
    reader text collate "C" primary key,
    position bigint not null
);

-- The ledger. The last entry of a batch carries the batch's seal: who wrote it, its hash in the chain and the code of that (chain.rs).
-- Most entries concern one engineer, who stands in the entry; of several, each stands in entry_engineers.
create table carepass.entries (
    position bigint primary key,
    engineer text collate "C",
    body text not null,
    seal bytea
);

create index entries_of_engineer on carepass.entries (engineer, position) where engineer is not null;

create table carepass.entry_engineers (
    engineer text collate "C" not null,
    position bigint not null,
    primary key (engineer, position)
);

-- Who does what for all replicas. A lease that is over keeps its number, which never comes again.
create table carepass.leases (
    duty text collate "C" primary key,
    epoch bigint not null,
    holder text collate "C",
    until timestamptz not null
);

create table carepass.living (
    replica text collate "C" primary key,
    until timestamptz not null
);

-- The grants of the last days, for their limits.
create table carepass.grants (
    at_micros bigint not null,
    at_nanos smallint not null,
    source text collate "C" not null
);

create index grants_at on carepass.grants (at_micros, at_nanos);

-- The end of the ledger, in one row. Whoever commits locks it first: that is the order of all commits of all replicas.
create table carepass.head (
    one boolean primary key default true check (one),
    position bigint not null,
    hash bytea not null
);

insert into carepass.head (position, hash) values (0, '');
